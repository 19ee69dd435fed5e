"""The chart of report.html that shows where and when a load found its targets cold."""

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from mmebench.figures.cold_map import ColdMap
from mmebench.report.page.axis import up_to
from mmebench.report.page.chart import Chart, make
from mmebench.report.page.key import LINE, Key, explain, wrap
from mmebench.report.page.plot import WIDE, Size, width_of
from mmebench.report.page.shown import Shown

_LEVELS = ((0.0, "none cold"), (0.05, "up to 5 % cold"), (0.2, "to 20 %"), (0.5, "to half"), (1.0, "more"))
"""Up to which share of cold requests each is, and what it is called."""
_ABOVE, _BELOW = 8.0, 44.0


def draw_heat_maps(runs: Sequence[Shown]) -> Iterator[Chart]:
    """One a run in which requests waited for loads."""
    for run in runs:
        if run.recorded.figures.cold is not None:
            yield _draw(run, run.recorded.figures.cold, f": {run.name}" if len(runs) > 1 else "")


def _draw(run: Shown, cold: ColdMap, of: str) -> Chart:
    targets = cold.ranks[-1][1]
    rows = "a row a target" if targets == len(cold.ranks) else f"{len(cold.ranks)} rows for {targets:,} targets"
    return make(
        f"Cold requests by target and time{of}",
        f"share of requests that waited for a load; the busiest targets at the top, {rows}; empty: not asked for",
        lambda size, about: _svg(cold, size, about),
        run.number,
    )


def _svg(cold: ColdMap, size: Size, about: str) -> str:
    lines = wrap([Key(f"heat-{level}", name) for level, (_, name) in enumerate(_LEVELS)], size.width)
    left = 14 + width_of(f"{cold.ranks[-1][0]}")
    top, right, bottom = _ABOVE + LINE * len(lines), size.width - 14.0, size.height - _BELOW
    drawn = "".join(
        (
            *explain(lines),
            *_cells(cold, left, right, top, bottom),
            *_rows(cold, left, right, top, bottom),
            *_seconds(cold, left, right, bottom, size),
        )
    )
    said = f'role="img" aria-label="{escape(about, quote=True)}"'
    return f'<svg viewBox="0 0 {size.width} {size.height}" {said}>{drawn}</svg>'


def _cells(cold: ColdMap, left: float, right: float, top: float, bottom: float) -> Iterator[str]:
    """All cells of a level are one path, neighbours in a row one rectangle of it."""
    rows, columns = cold.requests.shape
    across, down = _edges(left, right, columns), _edges(top, bottom, rows)
    share = cold.cold / np.maximum(cold.requests, 1)
    level = np.searchsorted([limit for limit, _ in _LEVELS], share)
    level[cold.requests == 0] = -1
    begun = np.flatnonzero(np.diff(level, axis=1, prepend=-2))
    ended = np.append(begun[1:], level.size)
    paths: list[list[str]] = [[] for _ in _LEVELS]
    for number, first, end in zip(level.flat[begun].tolist(), begun.tolist(), ended.tolist(), strict=True):
        if number >= 0:
            row, left_edge, right_edge = first // columns, across[first % columns], across[(end - 1) % columns + 1]
            paths[number].append(f"M{left_edge} {down[row]}H{right_edge}V{down[row + 1]}H{left_edge}z")
    for number, path in enumerate(paths):
        if path:
            yield f'<path class="heat-{number}" d="{"".join(path)}"/>'


def _edges(first: float, last: float, count: int) -> list[str]:
    """Of so many cells; neighbours have the same, so that there is no line between them."""
    return [f"{first + (last - first) * number / count:.1f}" for number in range(count + 1)]


def _rows(cold: ColdMap, left: float, right: float, top: float, bottom: float) -> Iterator[str]:
    """The rank of the first target of rows, as far as there is room, and what each row says."""
    height = (bottom - top) / len(cold.ranks)
    every = max(int(-(-14 // height)), 1)
    for row, (first, last) in enumerate(cold.ranks):
        y = top + row * height
        if row % every == 0:
            place = f'x="{left - 6:.1f}" y="{y + height / 2 + 4:.1f}"'
            yield f'<text class="tick" {place} text-anchor="end">{first}</text>'
        asked, waited = int(cold.requests[row].sum()), int(cold.cold[row].sum())
        others = f" and {last - first} more" if last > first else ""
        tip = f"{cold.busiest[row]}{others}: {waited:,} of {asked:,} requests cold"
        yield (
            f'<rect class="hit" x="{left:.1f}" y="{y:.1f}" width="{right - left:.1f}" height="{height:.1f}" '
            f'data-tip="{escape(tip, quote=True)}"/>'
        )


def _seconds(cold: ColdMap, left: float, right: float, bottom: float, size: Size) -> Iterator[str]:
    end = cold.seconds * cold.requests.shape[1]
    axis = up_to("seconds since the load began", [end], 9 if size == WIDE else 6)
    for at, text in zip(axis.ticks.at, axis.texts, strict=True):
        x = left + axis.share(at) * (right - left)
        yield f'<path class="grid" d="M{x:.1f} {bottom:.1f}v4"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 17:.1f}" text-anchor="middle">{escape(text)}</text>'
    place = f'x="{(left + right) / 2:.1f}" y="{bottom + 35:.1f}"'
    yield f'<text class="name" {place} text-anchor="middle">{escape(axis.name)}</text>'
