"""What an endpoint takes over the cycles, as a picture."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmebench.benchmark.experiments.churn.figures import settled
from mmebench.report.palette import QUIET, colour_of, dashes_of
from mmebench.report.pictures.pictures import finish

_MIB = 2**20


def draw(seen: pd.DataFrame, summary: pd.DataFrame, title: str, footer: str) -> Figure:
    """Memory of each part, files and threads, and the time of a cycle.

    Args:
        seen: a row a moment and part, with the columns of
            :class:`~mmebench.benchmark.experiments.churn.figures.Sight`.
        summary: as :func:`~mmebench.benchmark.experiments.churn.figures.summarise_churn` gives it.
        title: what was measured.
        footer: on what, and when.
    """
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    memory, handles, pace = figure.subplots(1, 3)
    parts = list(dict.fromkeys(seen["part"]))
    lost = summary[summary["quantity"] == "bytes"].set_index("part")
    for number, part in enumerate(parts):
        rows = seen[seen["part"] == part]
        colour, dashes = colour_of(number), dashes_of(number)
        if rows["bytes"].notna().any():
            memory.plot(rows["cycle"], rows["bytes"] / _MIB, color=colour, linestyle=dashes, label=part)
        if part in lost.index and lost.loc[part, "verdict"] == "lost":
            _trend(memory, settled(seen).query("part == @part"), float(lost.loc[part, "per_cycle"]))
        for what, width in (("files", 1.5), ("threads", 0.8)):
            if rows[what].notna().any():
                label = f"{part}: {what}"
                handles.plot(
                    rows["cycle"], rows[what], color=colour, linestyle=dashes, linewidth=width, label=label
                )
    times = seen.dropna(subset=["load_p50_s"])
    pace.plot(times["cycle"], times["load_p50_s"] * 1e3, color="black")
    for axes, text, unit in (
        (memory, "memory", "MiB"),
        (handles, "open files and threads", "number"),
        (pace, "a cycle: load, answer, eviction", "milliseconds, median"),
    ):
        axes.set_title(text, fontsize=10)
        axes.set_xlabel("loads and evictions")
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        axes.axvspan(0, seen["cycle"].max() / 5, color=QUIET, alpha=0.15, linewidth=0)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
        elif axes is handles:
            axes.text(0.5, 0.5, "the endpoint does not say", ha="center", transform=axes.transAxes)
    figure.suptitle(f"{title}; what is grey does not count")
    finish(figure, footer)
    return figure


def _trend(axes: Axes, rows: pd.DataFrame, per_cycle: float) -> None:
    """The line that the loss was read from."""
    cycles = rows["cycle"].to_numpy(float)
    line = rows["bytes"].mean() + per_cycle * (cycles - np.mean(cycles))
    axes.plot(cycles, line / _MIB, color="black", linewidth=0.8)
