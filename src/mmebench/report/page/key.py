"""The key of a drawing of report.html: which colour is what, above it."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from mmebench.report.page.plot import of_kind, width_of

LINE = 20
"""The height of one."""


class Key(NamedTuple):
    """What a colour is."""

    kind: str
    """A class of the page's style."""
    name: str
    colour: int | None = None
    """Of the palette, where the class has none of its own."""


def wrap(keys: Sequence[Key], width: float) -> list[list[tuple[Key, float]]]:
    """Keys and where they begin, in as many lines as it takes."""
    lines: list[list[tuple[Key, float]]] = []
    free = math.inf
    for key in keys:
        if free + 20 + width_of(key.name) > width:
            lines.append([])
            free = 10.0
        lines[-1].append((key, free))
        free += 30 + width_of(key.name)
    return lines


def explain(lines: list[list[tuple[Key, float]]]) -> Iterator[str]:
    """Draw them, from the top of the drawing."""
    for number, line in enumerate(lines):
        for key, x in line:
            y = 4 + LINE * number
            yield f'<rect class="{key.kind}"{of_kind(key.colour)} x="{x:.1f}" y="{y}" width="12" height="12"/>'
            yield f'<text class="tick" x="{x + 17:.1f}" y="{y + 10}">{escape(key.name)}</text>'
