"""What the SageMaker Runtime API can ask for and this endpoint has not: refused as SageMaker refuses it."""

from collections.abc import Mapping

from mmebench.wire import answers

_VARIANT = b"x-amzn-sagemaker-target-variant"
_NOT_HERE = {
    b"x-amzn-sagemaker-target-container-hostname": (
        "TargetContainerHostname {value} not found: this endpoint runs one container, which has no hostname"
    ),
    b"x-amzn-sagemaker-inference-component": (
        "InferenceComponent {value} not found: this is a multi-model endpoint; invoke a TargetModel"
    ),
}
_SELECTORS = frozenset((_VARIANT, *_NOT_HERE))
_OPERATIONS = {
    b"/invocations-response-stream": (
        "InvokeEndpointWithResponseStream has no TargetModel, so it cannot invoke a multi-model endpoint; "
        "use InvokeEndpoint"
    ),
    b"/async-invocations": "a multi-model endpoint takes no InvokeEndpointAsync; use InvokeEndpoint",
}


def check_selectors(headers: Mapping[bytes, bytes]) -> None:
    """Raise RefusedError where an invocation asks for a part of the endpoint that it does not have.

    Args:
        headers: of the request, names in lower case.
    """
    if _SELECTORS.isdisjoint(headers):
        return
    variant = headers.get(_VARIANT, answers.VARIANT)
    if variant != answers.VARIANT:
        raise answers.validation_error(
            f"Variant {_shown(variant)} not found; it has {_shown(answers.VARIANT)} only"
        )
    for name, message in _NOT_HERE.items():
        if name in headers:
            raise answers.validation_error(message.format(value=_shown(headers[name])))


def other_operation(path: bytes, endpoint: bytes, name: str) -> answers.RefusedError | None:
    """Why a POST to ``path`` is refused; None when the API knows no such operation.

    Args:
        path: of the request.
        endpoint: the path of this endpoint.
        name: its name.
    """
    for operation, message in _OPERATIONS.items():
        if path == endpoint + operation:
            return answers.validation_error(message)
    asked, _, operation = path.removeprefix(b"/endpoints/").partition(b"/")
    if path.startswith(b"/endpoints/") and (operation == b"invocations" or b"/" + operation in _OPERATIONS):
        return answers.validation_error(f"Endpoint {_shown(asked)} of account local not found; this one is {name}")
    return None


def _shown(value: bytes) -> str:
    return value.decode("utf-8", "replace")
