"""Places in a spec: what pydantic's locations mean to whoever wrote the file, and what the schema says of them."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

Node = dict[str, Any]
"""A part of a JSON schema."""


@dataclass(frozen=True)
class Place:
    """A place in a spec."""

    shown: str
    """``workload.profile.stages.0``; nothing for all of it."""
    key: str
    """The last part that is a name."""
    nodes: list[Node]
    """The forms that a value there may have."""
    beside: list[str]
    """The keys that are allowed beside it."""
    schema: Node

    @classmethod
    def find(cls, schema: Node, location: tuple[int | str, ...]) -> Self:
        """Of a location of pydantic's, which also has the tags of unions in it (``timm``, ``(list)``, ``int``).

        The file has no such key, and so they are left out.
        """
        if location[-1:] == ("[key]",):  # it is wrong where it stands
            location = location[:-2]
        shown: list[str] = []
        key = "spec"
        nodes = [schema]
        beside: list[str] = []
        for number, part in enumerate(location):
            tagged = [resolve(schema, {"$ref": tags[part]}) for node in nodes if part in (tags := _tags(node))]
            if tagged:
                nodes = [form for node in tagged for form in forms(schema, node)]
                continue
            children = [child for node in nodes for child in _children(node, part)]
            unknown_key = number == len(location) - 1 and any("properties" in node for node in nodes)
            if str(part)[0] in "([" or not (children or unknown_key):
                continue
            beside = sorted({name for node in nodes for name in node.get("properties", {})})
            shown.append(str(part))
            key = key if isinstance(part, int) else str(part)
            nodes = [form for child in children for form in forms(schema, child)]
        return cls(".".join(shown), key, nodes, beside, schema)


def find_key(schema: Node, key: str) -> list[str]:
    """Where in a spec there is such a key: ``workload.profile.stages``; the shortest first, those of lists not."""
    found: list[str] = []
    waiting: deque[tuple[str, Node]] = deque([("", schema)])
    while waiting:
        path, node = waiting.popleft()
        for form in forms(schema, node):
            for name, child in form.get("properties", {}).items():
                where = f"{path}.{name}" if path else name
                if name == key and where not in found:
                    found.append(where)
                waiting.append((where, child))
            for variant in form.get("oneOf", ()):
                waiting.append((path, variant))
    return found


def forms(schema: Node, node: Node) -> list[Node]:
    """The forms that a value may have; a union with a tag is one, whose tag is yet to be seen."""
    node = resolve(schema, node)
    if "format" in node or "discriminator" in node:
        return [node]
    inner = node.get("anyOf") or node.get("oneOf")
    if "properties" in node or not inner:
        return [node]
    outside = {name: node[name] for name in ("description", "default", "examples") if name in node}
    return [outside | form for each in inner for form in forms(schema, each)]


def resolve(schema: Node, node: Node) -> Node:
    """What a reference stands for."""
    if "$ref" not in node:
        return node
    target: Node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return target


def _children(node: Node, part: int | str) -> Iterator[Node]:
    if isinstance(part, int):
        if "items" in node:
            yield node["items"]
        elif part < len(node.get("prefixItems", ())):
            yield node["prefixItems"][part]
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    elif isinstance(values := node.get("additionalProperties"), dict):
        yield values
    elif part != "[key]":
        yield from node.get("patternProperties", {}).values()


def _tags(node: Node) -> dict[int | str, str]:
    mapping: dict[int | str, str] = node.get("discriminator", {}).get("mapping", {})
    return mapping
