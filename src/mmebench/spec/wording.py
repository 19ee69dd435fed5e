"""JSON schemas in words: what is allowed, and an example of it."""

import reprlib
from collections.abc import Sequence
from typing import Any

from mmebench.spec.places import Node, forms, resolve

NAME = "a name of letters, digits, dots, hyphens and underscores"
"""Of a model, of a fleet."""

_FORMATS = {
    "duration": "a duration as 200ms, 30s or 2m",
    "duration with a unit": "a duration with its unit, as 200ms or 1s",
    "size": "a size as 4GiB or 500MB",
    "share": "a share as 1% or 0.01",
    "part": "a number or a share as 70%",
    "path": "a path",
    "name": NAME,
    "run name": "a name of letters, digits, dots and hyphens",
    "variable name": "a name of letters, digits and underscores",
}
_UNITS = {"duration": " s", "size": " bytes"}
"""Of bounds."""
_LONGEST = 80


def got_words(got: Any, nodes: Sequence[Node] = ()) -> str:
    """``got 'all'``; of what is large only what it is. ``nodes`` is what is allowed in its place."""
    if isinstance(got, float) and any(str(node.get("format")).startswith("duration") for node in nodes):
        return f"got {got:g} s"
    match got:
        case None:
            return "got nothing"
        case list() | tuple() | dict() if not got:
            return f"got an empty {'mapping' if isinstance(got, dict) else 'list'}"
        case list() | tuple():
            return "got a list"
        case dict():
            return "got a mapping"
    short = reprlib.Repr()
    short.maxstring = short.maxother = _LONGEST
    return f"got {short.repr(got)}"


def allowed_words(nodes: list[Node]) -> str:
    """``a whole number from 1, or 'capacity'``."""
    default_given = any(node.get("default") is not None for node in nodes)
    words = [_words(node) for node in nodes if node.get("type") != "null"]
    if default_given and any(node.get("type") == "null" for node in nodes):
        words.append("null")
    return " or ".join(dict.fromkeys(words)) or "nothing"


def names_of_kinds(nodes: list[Node]) -> list[str]:
    """What the kinds of a union are called."""
    return [str(name) for node in nodes for name in node.get("discriminator", {}).get("mapping", {})]


def _words(node: Node) -> str:
    if "format" in node and node["format"] in _FORMATS:
        bounds = _bounds(node.get("anyOf", [{}])[0])
        return _FORMATS[node["format"]] + (f",{bounds}{_UNITS.get(node['format'], '')}" if bounds else "")
    if "const" in node:
        return repr(node["const"])
    if "enum" in node:
        return ", ".join(map(repr, node["enum"]))
    if "discriminator" in node:
        tag = node["discriminator"]["propertyName"]
        return f"a mapping with {tag} {', '.join(names_of_kinds([node]))}"
    match node.get("type"):
        case "integer":
            return f"a whole number{_bounds(node)}"
        case "number":
            return f"a number{_bounds(node)}"
        case "boolean":
            return "true or false"
        case "string":
            return _text(node)
        case "array":
            return _list(node)
        case _ if "kind" in node.get("properties", ()):
            return "a mapping with its kind"
        case _ if "patternProperties" in node:
            return "a mapping by name"
        case _ if node.get("properties"):
            return f"a mapping with {', '.join(node['properties'])}"
    return "a mapping"


def _text(node: Node) -> str:
    if "examples" in node:
        return f"text like {node['examples'][0]}"
    if "description" in node:
        return f"text: {node['description']}"
    return f"text that matches {node['pattern']}" if "pattern" in node else "text"


def _list(node: Node) -> str:
    if "prefixItems" in node:
        return f"a list of {len(node['prefixItems'])}"
    least, most = node.get("minItems", 0), node.get("maxItems")
    count = f" of {least} or more" if least and most is None else f" of {least} to {most}" if most else ""
    return f"a list{count}"


def _bounds(node: Node) -> str:
    low, over = node.get("minimum"), node.get("exclusiveMinimum")
    high, under = node.get("maximum"), node.get("exclusiveMaximum")
    lower = f" over {over:g}" if over is not None else f" from {low:g}" if low is not None else ""
    upper = f" up to {high:g}" if high is not None else f" under {under:g}" if under is not None else ""
    if lower.startswith(" from") and upper.startswith(" up"):
        return f"{lower}{upper.removeprefix(' up')}"
    return f"{lower}{' and' if lower and upper else ''}{upper}"


def example(schema: Node, node: Node) -> Any:
    """A value that is allowed, as a person might write it."""
    node = resolve(schema, node)
    if node.get("format") == "duration" and node.get("default"):
        return f"{node['default']:g}s"
    if "examples" in node:
        return node["examples"][0]
    if isinstance(node.get("default"), str | int | float) and node["default"] != "":
        return node["default"]
    if "const" in node or "enum" in node:
        return node.get("const", node.get("enum", [None])[0])
    inner = [form for form in forms(schema, node) if form.get("type") != "null"]
    if inner and inner[0] is not node and "type" not in node:
        return example(schema, inner[0])
    match node.get("type"):
        case "integer" | "number":
            return node.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            items = node.get("prefixItems") or [node.get("items", {})]
            return [example(schema, item) for item in items]
        case "string":
            return "…"
        case _ if "properties" in node:
            wanted = node.get("required") or list(node["properties"])[:1]
            return {key: example(schema, node["properties"][key]) for key in wanted}
    return "{…}"
