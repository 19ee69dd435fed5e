"""From a YAML file to a spec, or to one message with every mistake in it."""

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from mmebench.errors import BadInputError
from mmebench.spec import Spec
from mmebench.spec.load import LoadSpec
from mmebench.spec.strict import Strict

AnySpec = TypeVar("AnySpec", bound=Strict)


def load_spec(path: Path, overrides: tuple[str, ...] = ()) -> Spec:
    """The spec in the YAML file ``path``, after ``overrides`` of the form ``workload.payload.batch=4``.

    Raises:
        BadInputError: the file cannot be read, or something in it is not allowed; the message lists all of it.
    """
    raw = _read(path, overrides)
    endpoint = raw.get("endpoint")
    if isinstance(endpoint, dict) and endpoint.get("kind") == "existing":
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
    raw = _read(path, overrides)
    endpoint = raw.get("endpoint")
    if not isinstance(endpoint, dict) or endpoint.get("kind") != "existing":
        raise BadInputError(
            f"{path}: mmebench load needs an endpoint that runs already, {{kind: existing, name: …, targets: …}}; "
            f"to start one and measure it, use `mmebench run {path}`"
        )
    return _validate(LoadSpec, raw, path)


def _read(path: Path, overrides: tuple[str, ...]) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(
            f"{path}: {error.strerror}; give the path of a spec, e.g. examples/demo.yaml"
        ) from None
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: not a text file; a spec is YAML in UTF-8") from None
    except yaml.YAMLError as error:
        raise BadInputError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        raise BadInputError(f"{path}: got {type(raw).__name__}, a spec is a mapping with model, platforms, …")
    for override in overrides:
        _override(raw, override)
    return raw


def _validate(kind: type[AnySpec], raw: dict[str, Any], path: Path | str) -> AnySpec:
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        mistakes = "\n".join(f"  {line}" for line in _mistakes(error, kind))
        raise BadInputError(f"{path}: not a valid spec\n{mistakes}") from None


def _override(raw: dict[str, Any], override: str) -> None:
    """Set one value in place; list items are addressed by number (``platforms.0.precision=fp16``)."""
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise BadInputError(f"--set {override}: write KEY=VALUE, e.g. --set workload.payload.batch=4")
    *parents, last = key.split(".")
    node: Any = raw
    try:
        for parent in parents:
            node = node[int(parent)] if isinstance(node, list) else node.setdefault(parent, {})
        if isinstance(node, list):
            node[int(last)] = yaml.safe_load(value)
        elif isinstance(node, dict):
            node[last] = yaml.safe_load(value)
        else:
            raise TypeError
    except (IndexError, ValueError, TypeError, AttributeError):
        raise BadInputError(f"--set {override}: the spec has no place {key}") from None
    except yaml.YAMLError:
        raise BadInputError(f"--set {override}: {value!r} is not a YAML value") from None


def _mistakes(error: ValidationError, kind: type[Strict]) -> list[str]:
    """One line a mistake: where, what was got, what is allowed."""
    schema = kind.model_json_schema()
    lines = []
    errors = error.errors()
    for item in errors:
        if item["type"] == "too_short" and any(
            other["loc"][: len(item["loc"])] == item["loc"] for other in errors if other is not item
        ):
            continue  # only because its items are wrong, which is said already
        where, allowed = _locate(schema, tuple(part for part in item["loc"] if not str(part).startswith("(")))
        got = item["input"]
        match item["type"]:
            case "extra_forbidden":
                close = difflib.get_close_matches(str(item["loc"][-1]), allowed, n=1)
                suggestion = f"; did you mean {close[0]}?" if close else ""
                lines.append(f"{where}: unknown key; allowed: {', '.join(allowed)}{suggestion}")
            case "missing":
                lines.append(f"{where}: missing")
            case "union_tag_not_found":
                lines.append(f"{where}: needs {item['ctx']['discriminator']} to say which kind it is")
            case "union_tag_invalid":
                lines.append(f"{where}: got {item['ctx']['tag']!r}; allowed: {item['ctx']['expected_tags']}")
            case "literal_error":
                lines.append(f"{where}: got {got!r}; allowed: {item['ctx']['expected']}")
            case "value_error":
                lines.append(f"{where}: {item['ctx']['error']}")
            case _:
                shown = f"got {got!r}; " if isinstance(got, (str, int, float)) else ""
                lines.append(f"{where}: {shown}{item['msg'][0].lower()}{item['msg'][1:]}")
    return lines


def _locate(schema: dict[str, Any], location: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """The place as the user wrote it, and the keys that are allowed beside its last part.

    pydantic puts the tag of a union (``timm``) into a location; the user's file has no such key.
    """
    shown: list[str] = []
    nodes = [schema]
    for part in location:
        allowed = sorted({key for node in nodes for key in node.get("properties", {})})
        tagged = [node["discriminator"]["mapping"][part] for node in nodes if part in _tags(node)]
        if not tagged:
            shown.append(str(part))
        children = [{"$ref": reference} for reference in tagged] or [
            node["items"] if isinstance(part, int) else node["properties"][part]
            for node in nodes
            if (isinstance(part, int) and "items" in node) or part in node.get("properties", {})
        ]
        nodes = [_resolve(schema, option) for child in children for option in _options(child)]
    return ".".join(shown) or "spec", allowed if location else []


def _options(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The forms that a value may have; a union with a tag is one, whose tag is yet to be seen."""
    untagged = [] if "discriminator" in node else node.get("oneOf", [])
    return node.get("anyOf", untagged) or [node]


def _tags(node: dict[str, Any]) -> dict[str, str]:
    mapping: dict[str, str] = node.get("discriminator", {}).get("mapping", {})
    return mapping


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
    return resolved
