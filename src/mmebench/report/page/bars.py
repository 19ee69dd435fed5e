"""Charts of bars that lie: runs of a single stage side by side, and what a latency is made of."""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from mmebench.report.page.axis import Axis, up_to
from mmebench.report.page.key import LINE, Key, explain, wrap
from mmebench.report.page.plot import Size, of_kind, of_run, shorten, width_of

_ROW, _BAR = 26.0, 16.0
_TOP, _BELOW, _NAME = 8.0, 44.0, 14.0
_MOST_BESIDE = 0.45
"""Of a drawing, for the names beside bars."""


class Part(NamedTuple):
    """A piece of a bar, beside the piece before it."""

    length: float
    kind: str
    """Its class in the page's style."""
    tip: str
    colour: int | None = None
    """Of the palette, where it has not that of its bar."""


class Bar(NamedTuple):
    """A bar with its name on the left and its figure on the right."""

    run: int | None
    name: str
    parts: Sequence[Part]
    text: str
    interval: tuple[float, float] = (math.nan, math.nan)


def draw_bars(
    size: Size,
    bars: Sequence[Bar],
    axis: str,
    about: str,
    keys: Sequence[Key] = (),
    of: Callable[[int | None], str] = of_run,
) -> str:
    """An SVG as wide as ``size`` says and as high as the bars are many.

    Args:
        size: of the drawing.
        bars: from top to bottom.
        axis: what their length is, with its unit.
        about: what it shows, to who cannot see it.
        keys: of parts, to be explained above.
        of: the attributes of a bar by its number: that of a run, or of a kind of model.
    """
    ends = [max(sum(part.length for part in bar.parts), _known(bar.interval[1])) for bar in bars]
    lines = wrap(keys, size.width)
    top = _TOP + LINE * len(lines)
    left = 12 + max(width_of(bar.name, bold=True) for bar in bars)
    above = left > _MOST_BESIDE * size.width
    row, left = (_ROW + _NAME, 12.0) if above else (_ROW, left)
    height = top + row * len(bars) + _BELOW
    right = size.width - 14 - max(width_of(bar.text) for bar in bars)
    across = up_to(axis, ends, most=max(int((right - left) / 50), 3))
    drawn = "".join(
        (
            *explain(lines),
            *_frame(across, left, right, top, height),
            *_draw(bars, across, left, right, top, row, of),
        )
    )
    said = f'role="img" aria-label="{escape(about, quote=True)}"'
    return f'<svg viewBox="0 0 {size.width} {height:g}" {said}>{drawn}</svg>'


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _frame(axis: Axis, left: float, right: float, top: float, height: float) -> Iterator[str]:
    bottom = height - _BELOW + 4
    for value, text in zip(axis.ticks.at, axis.texts, strict=True):
        x = left + axis.share(value) * (right - left)
        yield f'<path class="grid" d="M{x:.1f} {top - 4:.1f}V{bottom:.1f}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{escape(text)}</text>'
    yield (
        f'<text class="name" x="{(left + right) / 2:.1f}" y="{bottom + 34:.1f}" text-anchor="middle">'
        f"{escape(axis.name)}</text>"
    )


def _draw(
    bars: Sequence[Bar],
    axis: Axis,
    left: float,
    right: float,
    top: float,
    row: float,
    of: Callable[[int | None], str],
) -> Iterator[str]:
    """The name of each beside it, or above it where rows are high enough for that."""
    for number, bar in enumerate(bars):
        y = top + row * (number + 1) - (_ROW + _BAR) / 2
        begin = 0.0
        pieces = []
        for part in bar.parts:
            x, end = (left + axis.share(at) * (right - left) for at in (begin, begin + part.length))
            pieces.append(
                f'<rect class="{part.kind}"{of_kind(part.colour)} x="{x:.1f}" y="{y:.1f}" '
                f'width="{max(end - x, 0.5):.1f}" height="{_BAR}" data-tip="{escape(part.tip, quote=True)}"/>'
            )
            begin += part.length
        low, high = bar.interval
        reach = begin
        if not (math.isnan(low) or math.isnan(high)):
            x, end = (left + axis.share(at) * (right - left) for at in (low, high))
            middle = y + _BAR / 2
            pieces.append(
                f'<path class="interval" d="M{x:.1f} {middle - 4:.1f}v8M{x:.1f} {middle:.1f}H{end:.1f}'
                f'M{end:.1f} {middle - 4:.1f}v8"/>'
            )
            reach = max(reach, high)
        after = left + axis.share(reach) * (right - left) + 6
        if row > _ROW:
            name, place = shorten(bar.name, right - left), f'x="{left:.1f}" y="{y - 4:.1f}"'
        else:
            name, place = bar.name, f'x="{left - 6:.1f}" y="{y + 12:.1f}" text-anchor="end"'
        yield (
            f'<g{of(bar.run)}><text class="label" {place}>{escape(name)}</text>{"".join(pieces)}'
            f'<text class="figure" x="{after:.1f}" y="{y + 12:.1f}">{escape(bar.text)}</text></g>'
        )
