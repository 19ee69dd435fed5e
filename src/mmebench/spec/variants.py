"""Variants: the same benchmark with some fields changed, each under a name of its own."""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, NamedTuple

from pydantic import Field, WithJsonSchema

_LONGEST = 60
_NAME = rf"^[A-Za-z0-9][A-Za-z0-9.-]{{0,{_LONGEST - 1}}}$"
RunName = Annotated[
    str,
    Field(pattern=_NAME),
    WithJsonSchema({"type": "string", "pattern": _NAME, "format": "run name", "examples": ["b32"]}),
]
"""What a run is called in names of files, which have ``*`` and ``_`` between their parts."""
Place = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", examples=["platforms.0.max_batch_size"])
]
Changes = Annotated[dict[Place, Any], Field(min_length=1, examples=[{"platforms.0.max_batch_size": 32}])]
Values = Annotated[tuple[Any, ...], Field(min_length=1, examples=[[1, 8, 32]])]

_MOST = 10_000
"""Variants of a grid: more nobody can mean."""


class Variant(NamedTuple):
    """One of them."""

    name: str
    changes: Mapping[str, Any]
    """Values by place."""


_OF_ALL = ("objectives", "layout", "repeats", "fresh", "name", "variants", "grid", "tune")
"""What is the same for all variants: by what they are judged, and where they go."""


def check_places(places: Collection[str]) -> None:
    """Refuse places that cannot be changed, or not beside each other; raises ValueError."""
    for place in places:
        first = place.partition(".")[0]
        if first in _OF_ALL:
            raise ValueError(f"{place}: got a change of {first}, which all variants have in common; leave it out")
        if above := next((other for other in places if place.startswith(f"{other}.")), None):
            raise ValueError(f"got both {above} and {place}, which is within it; give all of it in one")


def variants_of_grid(grid: Mapping[str, Sequence[Any]]) -> tuple[Variant, ...]:
    """Every combination of the values, called ``mbs8.instances2``: of a field of several words its initials.

    Raises:
        ValueError: there are too many, or two would have one name.
    """
    count = 1
    for values in grid.values():
        count *= len(values)
    if count > _MOST:
        raise ValueError(f"grid: got {count:,} combinations; allowed: {_MOST:,}; leave out some values")
    found = []
    for values in product(*grid.values()):
        changes = dict(zip(grid, values, strict=True))
        found.append(Variant(name_changes(changes, grid), changes))
    twice = [name for name, times in Counter(variant.name for variant in found).items() if times > 1]
    if twice:
        raise ValueError(f"grid: two combinations would be called {twice[0]}; write them as variants, with names")
    return tuple(found)


def name_changes(changes: Mapping[str, Any], places: Collection[str]) -> str:
    """``mbs8.instances2``: of a field of several words its initials, with so much of its place as ``places`` take.

    A name that would be too long ends in a digest.
    """
    short = _short_names(list(places))
    name = ".".join(f"{short[place]}{plain(value)}" for place, value in changes.items())
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 9].rstrip('.-')}-{digest}"


def describe_changes(changes: Mapping[str, Any]) -> str:
    """``platforms.0.max_batch_size: 1, workload.payload.encoding: json``."""
    return ", ".join(f"{place}: {_in_yaml(value)}" for place, value in changes.items())


def _in_yaml(value: Any) -> str:
    return {True: "true", False: "false", None: "null"}.get(value, str(value)) if _is_plain(value) else str(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _short_names(places: Sequence[str]) -> dict[str, str]:
    """The last part of each place, or as many of the last as tell them apart; none of a kind, which has a name."""
    names = {}
    for place in places:
        parts = place.split(".")
        for length in range(1, len(parts) + 1):
            end = parts[-length:]
            if sum(other.split(".")[-length:] == end for other in places) == 1:
                break
        names[place] = "" if end == ["kind"] else "-".join(map(_initials, end))
    return names


def _initials(part: str) -> str:
    words = part.split("_")
    return part if len(words) == 1 else "".join(word[:1] for word in words)


def plain(value: Any) -> str:
    """As it may be part of a name."""
    if isinstance(value, int | float) and value < 0:
        return f"minus{plain(-value)}"
    return re.sub(r"[^A-Za-z0-9]+", "-", str(value)).strip("-") or "none"
