"""The stages of a load on the time axis of a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

if TYPE_CHECKING:  # the page has these stretches, too, and draws without it
    from matplotlib.axes import Axes

from mmebench.figures.rows import rows_of
from mmebench.record.run import StageWindow
from mmebench.report.operating_points import describe_load
from mmebench.report.palette import QUIET

_LETTER = 5.0
"""The width of one, in points."""
_PANEL_WIDTH = 560.0
"""Of a picture ten inches wide."""
_MOST_NAMES = 50


class Stretch(NamedTuple):
    """A stage on a time axis, in seconds since the load began."""

    start: float
    ready: float
    """When the window that counts began."""
    end: float
    load: str


def find_stretches(windows: Sequence[StageWindow], stages: pd.DataFrame) -> list[Stretch]:
    """The stages of a run; ``stages`` are its rows of the summary, in the order of the windows."""
    return [
        Stretch(window.start, window.ready, window.end, describe_load(row))
        for window, row in zip(windows, rows_of(stages), strict=True)
    ]


def count_seconds(axes: "Axes", end: float) -> None:
    """The time axis of a load."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(0, end)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 5, 10]))
    axes.set_xlabel("seconds since the load began")


def mark_stages(axes: "Axes", stages: Sequence[Stretch]) -> None:
    """Where stages begin, and which time of each does not count."""
    for number, stage in enumerate(stages):
        axes.axvline(stage.start, color=QUIET, linewidth=0.8, linestyle=":")
        if stage.ready > stage.start:
            label = "users start, warm-up: does not count" if number == 0 else None
            axes.axvspan(stage.start, stage.ready, color=QUIET, alpha=0.2, linewidth=0, label=label)


def name_stages(axes: "Axes", stages: Sequence[Stretch]) -> None:
    """The load of each stage above the axes, upright where it is too wide for its stage; not all of very many."""
    if not stages:
        return
    low, high = axes.get_xlim()
    needed = max(len(stage.load) for stage in stages) * _LETTER
    narrowest = min(stage.end - stage.start for stage in stages) / (high - low) * _PANEL_WIDTH
    every = -(-len(stages) // _MOST_NAMES)
    named = stages[::every]
    top = axes.secondary_xaxis("top")
    top.set_ticks([(stage.start + stage.end) / 2 for stage in named], [stage.load for stage in named])
    top.tick_params(length=0, labelsize=8, labelrotation=0 if needed < narrowest else 90)
    top.spines["top"].set_visible(False)
