"""What is wrong in a spec, in the words of specs: where, what was got, what is allowed, and what to write.

All of it is read from the JSON schema that editors check specs with, so that both say the same.
"""

import difflib
import json
import re
from datetime import date
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core.core_schema import ErrorType

from mmebench.spec.places import Place, find_key
from mmebench.spec.strict import Strict
from mmebench.spec.wording import allowed_words, example, got_words, names_of_kinds

_KNOWN = set(get_args(ErrorType))
"""Whose words are pydantic's; those of other types are ours."""


def find_mistakes(error: ValidationError, kind: type[Strict]) -> list[str]:
    """Each in one line: the place, with dots and as the user wrote it, and what is wrong there."""
    schema = kind.model_json_schema()
    found: dict[str, None] = {}
    said: set[str] = set()
    errors = error.errors()
    for item in errors:
        place = Place.find(schema, item["loc"])
        if item["type"] == "too_short" and _has_wrong_items(item, errors):
            continue  # which is said already
        if item["type"] in _KNOWN and item["type"] not in ("value_error", "extra_forbidden"):
            # Of several forms that a value may have, each says that it is none of its.
            if place.shown in said:
                continue
            said.add(place.shown)
        what = _mistake(item, place, schema)
        found[_placed(what, place)] = None
    return list(found)


def _placed(what: str, place: Place) -> str:
    """With its place before it; where that is a mapping and ``what`` begins with a key of it, as one place."""
    key = what.partition(":")[0].partition(".")[0]
    within = any(key in node.get("properties", {}) for node in place.nodes)
    return f"{place.shown}{'.' if within else ': '}{what}" if place.shown else what


def _has_wrong_items(item: Any, errors: list[Any]) -> bool:
    return any(other["loc"][: len(item["loc"])] == item["loc"] for other in errors if other is not item)


def _mistake(item: Any, place: Place, schema: dict[str, Any]) -> str:
    got = item["input"]
    match item["type"]:
        case "extra_forbidden":
            return _unknown_key(str(item["loc"][-1]), place, schema)
        case "missing":
            return f"missing; {_how_to_add(place)}"
        case "union_tag_not_found":
            tag, names = item["ctx"]["discriminator"].strip("'"), names_of_kinds(place.nodes)
            return f"needs '{tag}' to say which kind it is; allowed: {', '.join(names)}; {_kind(tag, place)}"
        case "union_tag_invalid":
            name, names = item["ctx"]["tag"], names_of_kinds(place.nodes)
            close = difflib.get_close_matches(name, names, n=1)
            how = f"did you mean {close[0]}?" if close else _kind(item["ctx"]["discriminator"].strip("'"), place)
            return f"got {name!r}; allowed: {', '.join(map(repr, names))}; {how}"
        case "value_error":
            return str(item["ctx"]["error"])
        case _ if item["loc"][-1:] == ("[key]",):
            above = Place.find(schema, item["loc"][:-2])
            named = [{"type": "string"} | node["propertyNames"] for node in above.nodes if "propertyNames" in node]
            allowed = allowed_words(named)
            return f"got {got!r} as a name; allowed: {allowed}; {_as_name(got, allowed)}"
        case known if known in _KNOWN:
            allowed = allowed_words(place.nodes)
            return f"{got_words(got, place.nodes)}; allowed: {allowed}; {_what_to_write(got, place)}"
        case _:
            return f"got {got!r}; {item['msg']}"


def _unknown_key(key: str, place: Place, schema: dict[str, Any]) -> str:
    allowed = ", ".join(place.beside)
    close = difflib.get_close_matches(key, place.beside, n=1)
    elsewhere = find_key(schema, key)
    if _other_number(key) in place.beside:
        hint = f"did you mean {_other_number(key)}?"
    elif close and not elsewhere:
        hint = f"did you mean {close[0]}?"
    elif elsewhere := elsewhere or find_key(schema, _other_number(key)):
        hint = f"did you mean {' or '.join(elsewhere[:2])}?"
    else:
        hint = "leave it out"
    return f"unknown key; allowed: {allowed}; {hint}"


def _other_number(key: str) -> str:
    """``platforms`` for ``platform``, and the other way round."""
    return key.removesuffix("s") if key.endswith("s") else f"{key}s"


def _as_name(got: Any, allowed: str) -> str:
    if not isinstance(got, str):
        return f'write it in quotes, "{got}", as YAML reads it as something else otherwise'
    kept = "".join(
        sign for sign, named in ((".", "dots"), ("_", "underscores"), ("-", "hyphens")) if named in allowed
    )
    between = "-" if "-" in kept else "_"
    return f"write e.g. {re.sub(f'[^A-Za-z0-9{kept}]+', between, got).strip('-._') or 'photos'}"


def _how_to_add(place: Place) -> str:
    node = next(iter(place.nodes), {})
    description = node.get("description") if "properties" not in node else None
    if description:
        return f"add it: {description}"
    return f"write e.g. {place.key}: {_written(example(place.schema, node))}"


def _kind(tag: str, place: Place) -> str:
    shown = example(place.schema, [node for node in place.nodes if node.get("type") != "null"][-1])
    return f"write e.g. {tag}: {shown[tag] if isinstance(shown, dict) else shown}"


def _what_to_write(got: Any, place: Place) -> str:
    options = place.nodes
    if got is None:
        leave = f"leave {place.key} out for its default, or " if any("default" in one for one in options) else ""
        return f"{leave}write e.g. {place.key}: {_sample(got, place)}"
    kinds = {option.get("type", "") for option in options if "const" not in option and "enum" not in option}
    if "string" in kinds and kinds <= {"string", "null"} and isinstance(got, bool | int | float | date):
        return f'write it in quotes, {place.key}: "{got}", as YAML reads it as something else otherwise'
    words = [str(word) for option in options for word in [*option.get("enum", ()), option.get("const")] if word]
    close = difflib.get_close_matches(str(got), words, n=1)
    return f"did you mean {close[0]}?" if close else f"write e.g. {place.key}: {_sample(got, place)}"


def _sample(got: Any, place: Place) -> str:
    """A value that would be allowed; with the user's name in it, where it is the name of something."""
    sample = next((example(place.schema, node) for node in place.nodes if node.get("type") != "null"), None)
    if isinstance(sample, dict) and isinstance(got, str) and "name" in sample:
        sample = sample | {"name": got}
    return _written(sample)


def _written(value: Any) -> str:
    """As YAML has it, on one line."""
    if isinstance(value, dict):
        tags_first = sorted(value.items(), key=lambda item: item[0] not in ("source", "kind"))
        return "{" + ", ".join(f"{key}: {_written(item)}" for key, item in tags_first) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)
