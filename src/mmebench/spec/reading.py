"""From a YAML file to a spec, or to one message with every mistake in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from mmebench.errors import BadInputError
from mmebench.spec import Objectives, Spec
from mmebench.spec.changing import changed, value_at
from mmebench.spec.load import LoadSpec
from mmebench.spec.mistakes import find_mistakes
from mmebench.spec.planning import Planning
from mmebench.spec.strict import BY_HAND, Strict
from mmebench.spec.wording import got_words
from mmebench.spec.yaml_file import read_yaml

AnySpec = TypeVar("AnySpec", bound=Strict)


def load_spec(path: Path, overrides: tuple[str, ...] = ()) -> Spec:
    """The spec in the YAML file ``path``, after ``overrides`` of the form ``workload.payload.batch=4``.

    Raises:
        BadInputError: the file cannot be read, or something in it is not allowed; the message lists all of it.
    """
    raw = _read(Spec, path, overrides)
    if value_at(raw, "endpoint.kind") == "existing":
        raise BadInputError(
            f"{path}: its endpoint runs already, so that there is nothing to package and serve; "
            f"load it with `mmebench load {path}`"
        )
    return _validate(Spec, raw, path)


def read_spec(fields: dict[str, Any], source: str) -> Spec:
    """The spec with these fields, as a YAML file would have them; ``source`` is named where one is wrong.

    Raises:
        BadInputError: something in it is not allowed; the message lists all of it.
    """
    return _validate(Spec, fields, source)


def read_load_spec(path: Path, overrides: tuple[str, ...] = ()) -> LoadSpec:
    """The same for the spec of a load on an endpoint that already runs.

    Raises:
        BadInputError: see :func:`load_spec`.
    """
    raw = _read(LoadSpec, path, overrides)
    if value_at(raw, "endpoint.kind") != "existing":
        raise BadInputError(
            f"{path}: mmebench load needs an endpoint that runs already, {{kind: existing, name: …, targets: …}}; "
            f"to start one and measure it, use `mmebench run {path}`"
        )
    return _validate(LoadSpec, raw, path)


def read_planning(fields: dict[str, Any], source: str, overrides: tuple[str, ...] = ()) -> Planning:
    """What a plan is for, as ``plan`` of a spec has it, after ``overrides`` like ``routing=hashed``.

    Raises:
        BadInputError: see :func:`load_spec`.
    """
    for override in overrides:
        fields = _override(Planning, fields, override)
    return _validate(Planning, fields, source)


def read_objectives(fields: Mapping[str, Any], source: str) -> Objectives:
    """What is to be held, as ``objectives`` of a spec has it.

    Raises:
        BadInputError: see :func:`load_spec`.
    """
    return _validate(Objectives, dict(fields), source)


def parse_objectives(texts: Sequence[str]) -> Objectives:
    """Of the form ``p99=300ms`` or ``models.photos.p99=300ms``; several in a text, with commas between them.

    Raises:
        BadInputError: see :func:`load_spec`.
    """
    raw: dict[str, Any] = {}
    for part in ",".join(texts).split(","):
        key, equals, value = part.partition("=")
        try:
            if not equals:
                raise ValueError
            raw = changed(raw, {key.strip(): yaml.safe_load(value)})
        except (ValueError, yaml.YAMLError):
            raise BadInputError(f"--objectives: got {part!r}; allowed: NAME=LIMIT; write e.g. p99=300ms") from None
    return read_objectives(raw, "--objectives")


def _read(kind: type[Strict], path: Path, overrides: tuple[str, ...]) -> dict[str, Any]:
    raw = read_yaml(path)
    if raw is None:
        raise BadInputError(f"{path}: is empty; a spec has a model and platforms; examples/demo.yaml is one")
    if not isinstance(raw, dict):
        raise BadInputError(
            f"{path}: {got_words(raw)}; allowed: a mapping with model, platforms, …; examples/demo.yaml is one"
        )
    spec: dict[str, Any] = raw
    for override in overrides:
        spec = _override(kind, spec, override)
    return spec


def _validate(kind: type[AnySpec], raw: dict[str, Any], path: Path | str) -> AnySpec:
    try:
        return kind.model_validate(raw, context=BY_HAND)
    except ValidationError as error:
        mistakes = "\n".join(f"  {mistake}" for mistake in find_mistakes(error, kind))
        raise BadInputError(f"{path}: not a valid spec\n{mistakes}") from None


def _override(kind: type[Strict], raw: dict[str, Any], override: str) -> dict[str, Any]:
    """With one value set; list items are addressed by number (``platforms.0.precision=fp16``).

    A place may lie within what is written short, as ``endpoint: local``.
    """
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise BadInputError(f"--set {override}: write KEY=VALUE, e.g. --set workload.payload.batch=4")
    try:
        changes = {key: yaml.safe_load(value)}
    except yaml.YAMLError:
        raise BadInputError(f"--set {override}: {value!r} is not a YAML value") from None
    try:
        return changed(raw, changes)
    except ValueError:
        try:
            return changed(kind.model_validate(raw, context=BY_HAND), changes)
        except ValidationError:
            raise BadInputError(f"--set {override}: the spec has no place {key}") from None
        except ValueError as error:
            raise BadInputError(f"--set {override}: {error}") from None
