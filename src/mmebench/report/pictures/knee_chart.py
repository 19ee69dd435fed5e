"""Latency against throughput, and the knee: from where on more load buys waiting instead of answers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmebench.figures.knee import find_knee
from mmebench.report.operating_points import describe_load
from mmebench.report.pictures.labels import Label, place_labels
from mmebench.report.pictures.pictures import finish, legend_below, linear, logarithmic, quieten, titled
from mmebench.report.runs import Look, RunKey, stages_by_run
from mmebench.units import human_number

_P50, _P99 = "Total Median Response Time", "p99_ms"
CAPTION = "Knee: the smallest load with nine tenths of the most requests/s, of stages without a failure"


def draw_knee(summary: pd.DataFrame, looks: Mapping[RunKey, Look], title: str, footer: str) -> Figure | None:
    """p50 and p99 of all runs against their throughput, the knee as :func:`find_knee` has it marked.

    Args:
        summary: the rows of all runs.
        looks: of all runs.
        title: which model.
        footer: on what it was measured, and when.

    Returns:
        None where no percentiles are known.
    """
    if summary[_P50].isna().all():
        return None
    figure = Figure(figsize=(10, 5.4), layout="constrained")
    axes = figure.subplots()
    labels = []
    for key, stages in stages_by_run(summary):
        look, known = looks[key], stages.dropna(subset=_P50)
        if known.empty:
            continue
        colour, marker = look.colour, look.marker
        knee = find_knee(stages)
        x = known["Requests/s"]
        axes.plot(x, known[_P99], color=colour, marker=marker, label=f"{look.name}: {_where(knee)}")
        axes.plot(x, known[_P50], color=colour, marker=marker, markerfacecolor="white", linestyle=":")
        if knee is not None:
            for column in (_P50, _P99):
                axes.plot(knee["Requests/s"], knee[column], "o", color=colour, fillstyle="none", markersize=15)
            labels.append(Label(knee["Requests/s"], knee[_P99], describe_load(knee), colour))
    linear(axes, "x", summary["Requests/s"])
    logarithmic(axes, "y", [*summary[_P50], *summary[_P99]])
    axes.set_xlabel("successful requests per second")
    axes.set_ylabel("latency of successes, ms (log scale)")
    axes.set_title(titled(title, "latency, ms, against throughput, requests/s"))
    quieten(axes)
    points = [(row["Requests/s"], row[column]) for _, row in summary.iterrows() for column in (_P99, _P50)]
    place_labels(axes, labels, points)
    handles = [
        *axes.get_legend_handles_labels()[0],
        Line2D([], [], color="black", marker="o", label="p99"),
        Line2D([], [], color="black", marker="o", markerfacecolor="white", linestyle=":", label="p50"),
        Line2D([], [], color="black", marker="o", fillstyle="none", markersize=12, linestyle="", label="knee"),
    ]
    legend_below(axes, handles, CAPTION)
    finish(figure, footer)
    return figure


def _where(knee: "pd.Series[Any] | None") -> str:
    if knee is None:
        return "no knee found"
    return f"knee at {describe_load(knee)}, {human_number(knee['Requests/s'])}/s"
