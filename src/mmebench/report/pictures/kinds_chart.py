"""The kinds of models of a fleet side by side."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmebench.record.run import Capacity
from mmebench.report.kinds import ShownKind, show_kinds
from mmebench.report.operating_points import describe_load
from mmebench.report.palette import QUIET, colour_of, marker_of
from mmebench.report.pictures.pictures import finish, fit, linear, quieten, titled

_GIB = 2**30
_BESIDE, _LINE = 4, 0.3
"""Names of kinds in a line above the charts, and the height of one, in inches."""
_P50, _P99 = "Total Median Response Time", "p99_ms"
_HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo", "--")
"""Bars of eight colours, told apart in grey."""


def draw_kinds(
    stages: pd.DataFrame, point: "pd.Series[float] | None", capacity: Capacity | None, title: str, footer: str
) -> Figure | None:
    """Throughput and latency of each kind over the load, and what each takes of memory and has of the tail.

    Args:
        stages: the summary rows of one run, by load, which column ``load`` has.
        point: the stage whose slowest answers are looked at.
        capacity: what the filling found, if anybody tried.
        title: which run.
        footer: on what it was measured, and when.

    Returns:
        None where the run is of one model.
    """
    kinds = show_kinds(stages)
    if not kinds:
        return None
    key_lines = -(-len(kinds) // _BESIDE)
    figure = Figure(figsize=(12, 8 + _LINE * key_lines), layout="constrained")
    panels = figure.subplot_mosaic(
        [["key", "key"], ["rate", "latency"], ["memory", "tail"]], height_ratios=(_LINE * key_lines, 5, 2.4)
    )
    rate, latency = panels["rate"], panels["latency"]
    x = list(range(len(stages)))
    for kind in kinds:
        _draw_line(rate, x, kind.rates, kind, "-", kind.name)
    linear(rate, "y", [value for kind in kinds for value in kind.rates])
    rate.set_title("throughput, successful requests/s", fontsize=10)
    single = [kind for kind in kinds if kind.single]
    for kind in single:
        _draw_line(latency, x, kind.column(_P99), kind, "-")
        _draw_line(latency, x, kind.column(_P50), kind, ":", hollow=True)
    log = fit(latency, "y", [value for kind in single for name in (_P50, _P99) for value in kind.column(name)])
    only = f", of the {len(single)} busiest" if len(single) < len(kinds) else ""
    latency.set_title(f"latency of successes, ms{log}: p99, and p50 dotted{only}", fontsize=10)
    for axes in (rate, latency):
        axes.set_xticks(x, [describe_load(row) for _, row in stages.iterrows()])
        axes.set_xlim(-0.5, len(x) - 0.5)
        quieten(axes)
    _draw_memory(panels["memory"], kinds, capacity)
    _draw_tail(panels["tail"], kinds, stages, point)
    panels["key"].set_axis_off()
    panels["key"].legend(*rate.get_legend_handles_labels(), loc="center", ncols=_BESIDE, frameon=False, fontsize=9)
    figure.suptitle(titled(title, "by model"))
    finish(figure, footer)
    return figure


def _draw_line(
    axes: Axes,
    x: list[int],
    values: list[float],
    kind: ShownKind,
    style: str,
    label: str | None = None,
    hollow: bool = False,
) -> None:
    colour = colour_of(kind.number)
    face = "white" if hollow else colour
    axes.plot(x, values, style, color=colour, marker=marker_of(kind.number), markerfacecolor=face, label=label)


def _draw_memory(axes: Axes, kinds: Sequence[ShownKind], capacity: Capacity | None) -> None:
    """One bar, each kind after the other: what its copies share, pale, and its copies."""
    if capacity is None or not any(sum(kind.memory(capacity)) for kind in kinds):
        axes.set_axis_off()
        return
    begun = 0.0
    for kind in kinds:
        for size, alpha in zip(kind.memory(capacity), (0.35, 1.0), strict=True):
            _draw_part(axes, 0, begun, size / _GIB, kind, alpha)
            begun += size / _GIB
    if capacity.memory_budget:
        axes.axvline(capacity.memory_budget / _GIB, color=QUIET, linestyle="--")
    axes.set_title("memory of all that fit, GiB; pale: shared by copies; dashed: budget", fontsize=10)
    _finish_bars(axes, ["models"], max(begun, (capacity.memory_budget or 0) / _GIB))


def _draw_tail(
    axes: Axes, kinds: Sequence[ShownKind], stages: pd.DataFrame, point: "pd.Series[float] | None"
) -> None:
    """Of all answers of a stage, and of the slowest of them, whose they are."""
    places = [place for place, name in enumerate(stages.index) if point is not None and name == point.name]
    if not places or not sum(kind.share(places[0], "slowest_share") for kind in kinds) > 0:
        axes.set_axis_off()
        return
    for height, column in enumerate(("slowest_share", "served_share")):
        begun = 0.0
        for kind in kinds:
            share = 100 * kind.share(places[0], column)
            _draw_part(axes, height, begun, share, kind)
            begun += share
    axes.set_title(
        f"whose the slowest 1 % of answers are, % at {describe_load(stages.iloc[places[0]])}", fontsize=10
    )
    _finish_bars(axes, ["slowest 1 %", "all answers"], 100)


def _draw_part(
    axes: Axes, height: float, begun: float, length: float, kind: ShownKind, alpha: float = 1.0
) -> None:
    axes.barh(
        height,
        length,
        left=begun,
        height=0.6,
        color=colour_of(kind.number),
        alpha=alpha,
        hatch=_HATCHES[kind.number % len(_HATCHES)],
        edgecolor="white",
    )


def _finish_bars(axes: Axes, names: Sequence[str], most: float) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlim(0, most * 1.05)
    axes.spines[["top", "right", "left"]].set_visible(False)
