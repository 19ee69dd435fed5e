"""Which target a request is for, by the way in which models are hosted: what it must say, and must not."""

from collections.abc import Callable, Mapping
from typing import assert_never
from urllib.parse import unquote

from mmebench.spec.hosting import Hosting
from mmebench.wire import answers
from mmebench.wire.http_head import RequestHead
from mmebench.wire.target_names import archive_of

_VARIANT = b"x-amzn-sagemaker-target-variant"
_CONTAINER = b"x-amzn-sagemaker-target-container-hostname"
_COMPONENT = b"x-amzn-sagemaker-inference-component"
_TARGET = b"x-amzn-sagemaker-target-model"
_BEFORE, _BEHIND = b"/endpoints/", b"/invocations"

Select = Callable[[RequestHead], str]
"""Raises RefusedError where the request asks for what this endpoint does not have."""


def find_selection(hosting: Hosting) -> Select:
    """Of models that are hosted so."""
    match hosting:
        case "multi-model":
            return _target_model
        case "components":
            return _component
        case "single":
            return _endpoint
    assert_never(hosting)


def is_invocation_of_any(path: bytes) -> bool:
    """Whether it is of some endpoint, whichever."""
    return path.startswith(_BEFORE) and path.endswith(_BEHIND) and path.count(b"/") == 3


def _target_model(head: RequestHead) -> str:
    headers = head.headers
    if not _SELECTORS.isdisjoint(headers):
        _refuse_parts(headers)
        _refuse(headers, _COMPONENT, "InferenceComponent", "this is a multi-model endpoint; invoke a TargetModel")
    value = headers.get(_TARGET)
    if value and value.isascii():  # as nearly all are
        return value.decode()
    return _said(headers, _TARGET, "this is a multi-model endpoint; TargetModel must say which archive to invoke")


def _component(head: RequestHead) -> str:
    headers = head.headers
    _refuse_parts(headers)
    _refuse(headers, _TARGET, "TargetModel", "this endpoint hosts inference components; invoke one of them")
    message = "this endpoint hosts inference components; InferenceComponentName must say which one to invoke"
    return archive_of(_said(headers, _COMPONENT, message))


def _endpoint(head: RequestHead) -> str:
    headers = head.headers
    _refuse_parts(headers)
    _refuse(headers, _TARGET, "TargetModel", "this endpoint is of one model")
    _refuse(headers, _COMPONENT, "InferenceComponent", "this endpoint is of one model")
    return archive_of(unquote(head.path[len(_BEFORE) : -len(_BEHIND)].decode("ascii", "replace")))


_SELECTORS = frozenset((_VARIANT, _CONTAINER, _COMPONENT))


def _said(headers: Mapping[bytes, bytes], name: bytes, otherwise: str) -> str:
    value = headers.get(name, b"")
    if not value:
        raise answers.validation_error(otherwise)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise answers.validation_error(f"{name.decode()} is not UTF-8") from None


def _refuse_parts(headers: Mapping[bytes, bytes]) -> None:
    """Another variant, or one of several containers: there is one of each."""
    variant = headers.get(_VARIANT, answers.VARIANT)
    if variant != answers.VARIANT:
        raise answers.validation_error(
            f"Variant {_shown(variant)} not found; it has {_shown(answers.VARIANT)} only"
        )
    why = "this endpoint runs one container, which has no hostname"
    _refuse(headers, _CONTAINER, "TargetContainerHostname", why)


def _refuse(headers: Mapping[bytes, bytes], name: bytes, what: str, why: str) -> None:
    if name in headers:
        raise answers.validation_error(f"{what} {_shown(headers[name])} not found: {why}")


def _shown(value: bytes) -> str:
    return value.decode("utf-8", "replace")
