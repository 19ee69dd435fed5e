"""Changing a spec: one field of it gets another value, wherever it is."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def changed(spec: BaseModel | dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``spec`` as somebody would write them, with other values at some places.

    What lies beside these places stays as it is; what lies on the way to them is checked anew by whoever makes a
    spec of it.

    Args:
        spec: any part of a spec, or a mapping as somebody wrote it.
        changes: values by place: ``{"platforms.0.max_batch_size": 1}``; items of a list are counted from 0.

    Raises:
        ValueError: there is no such place; the message names it.
    """
    whole: Any = spec
    for place, value in changes.items():
        whole = _changed(whole, place.split("."), value, place)
    return whole if isinstance(whole, dict) else _written(whole)


def value_at(spec: BaseModel | dict[str, Any], place: str) -> Any:
    """What ``spec`` says at a place, or takes for said; None where there is no such place as it is written."""
    node: Any = spec
    for key in place.split("."):
        if isinstance(node, list | tuple):
            node = node[int(key)] if key.isdecimal() and int(key) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, dict) else getattr(node, _named(node, key), None)
    return node


def _changed(node: Any, keys: list[str], value: Any, place: str) -> Any:
    if not keys:
        return value
    key, *rest = keys
    if isinstance(node, list | tuple):
        if not key.isdecimal() or int(key) >= len(node):
            allowed = (
                f"allowed: 0 to {len(node) - 1}" if node else "the list is empty; give all of it another value"
            )
            raise ValueError(f"{place}: there is no item {key}; {allowed}")
        return [_changed(item, rest, value, place) if at == int(key) else item for at, item in enumerate(node)]
    fields = _written(node)
    if fields is None:
        raise ValueError(f"{place}: there is nothing in {node!r} to change; give all of it another value")
    key = _named(node, key)
    inside = getattr(node, key, None) if isinstance(node, BaseModel) else fields.get(key)
    return fields | {key: _changed({} if inside is None and rest else inside, rest, value, place)}


def _written(node: Any) -> Any:
    """What was said of it, and which kind it is; None where it is no mapping."""
    if isinstance(node, dict):
        return node
    if not isinstance(node, BaseModel):
        return None
    said = node.model_fields_set | {tag for tag in ("kind", "source") if tag in type(node).model_fields}
    return {name: getattr(node, name) for name in type(node).model_fields if name in said}


def _named(node: Any, key: str) -> str:
    """The name of the field that is written as ``key``."""
    fields = type(node).model_fields if isinstance(node, BaseModel) else {}
    return next((name for name, field in fields.items() if field.alias == key), key)
