"""What the endpoint's machine had to do while the load went on."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmebench.report.palette import colour_of, marker_of
from mmebench.report.pictures.pictures import MOST_POINTS, finish, linear, quieten, titled
from mmebench.report.resources import Line, Panel
from mmebench.report.stretches import Stretch, count_seconds, mark_stages, name_stages

_ABOVE, _PANEL, _BETWEEN, _BELOW = 0.9, 1.15, 0.2, 0.75
"""Inches."""


def draw_resources(panels: Sequence[Panel], stages: Sequence[Stretch], title: str, footer: str) -> Figure | None:
    """GPU, CPU and memory over the time of a load, a panel for each unit.

    Args:
        panels: as :func:`mmebench.report.resources.find_panels` gives them.
        stages: of the load.
        title: which run.
        footer: on what it was measured, and when.

    Returns:
        None where nothing was recorded.
    """
    if not panels:
        return None
    height = _ABOVE + (_PANEL + _BETWEEN) * len(panels) - _BETWEEN + _BELOW
    figure = Figure(figsize=(10, height))
    all_axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    # Set, not found: to find the room that many panels need takes longer than to draw them.
    figure.subplots_adjust(0.085, _BELOW / height, 0.76, 1 - _ABOVE / height, hspace=_BETWEEN / _PANEL)
    for axes, panel in zip(all_axes, panels, strict=True):
        for number, line in enumerate(panel.lines):
            _draw_line(axes, line, number)
        linear(axes, "y", np.concatenate([line.value for line in panel.lines]))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10], integer=panel.unit == "targets"))
        axes.set_ylabel(panel.unit, fontsize=9)
        axes.legend(
            title=panel.title,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            frameon=False,
            fontsize=8,
            title_fontsize=9,
            alignment="left",
        )
        quieten(axes)
        mark_stages(axes, stages)
    figure.align_ylabels()
    count_seconds(all_axes[-1], _end(panels, stages))
    name_stages(all_axes[0], stages)
    figure.suptitle(titled(title, "the endpoint during the load"), y=1 - 0.12 / height, va="top")
    finish(figure, footer)
    return figure


def _draw_line(axes: Axes, line: Line, number: int) -> None:
    colour, marker = colour_of(number), marker_of(number)
    if not line.seconds:
        marker = marker if len(line.at) <= MOST_POINTS else ""
        axes.plot(line.at, line.value, color=colour, marker=marker, markersize=3.5, linewidth=1.2, label=line.name)
        return
    # In one piece, with a gap after each value: a minute's average says nothing of how it came to the next.
    at = np.column_stack([line.at, line.at + line.seconds, line.at + line.seconds]).ravel()
    value = np.column_stack([line.value, line.value, np.full(len(line.value), np.nan)]).ravel()
    axes.plot(at, value, color=colour, linewidth=3, alpha=0.6, label=line.name)


def _end(panels: Sequence[Panel], stages: Sequence[Stretch]) -> float:
    seen = [float(line.at.max()) for panel in panels for line in panel.lines if not line.seconds]
    return stages[-1].end if stages else max(seen, default=1.0)
