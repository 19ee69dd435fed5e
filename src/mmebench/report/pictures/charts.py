"""The two charts of a benchmark, drawn from its summary."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmebench.figures.failures import count_failed
from mmebench.figures.operating_point import find_operating_point
from mmebench.report.latency import latency_of
from mmebench.report.objective_lines import near_limits
from mmebench.report.operating_points import operating_points
from mmebench.report.palette import COLOURS
from mmebench.report.pictures.pictures import finish
from mmebench.report.pictures.pictures import logarithmic as set_logarithmic
from mmebench.report.runs import Look, RunKey, key_of
from mmebench.spec import Objectives
from mmebench.units import human_number

# Blue and orange differ in lightness too, so that the pictures can be read in grey; so do the two bar colours.
_THROUGHPUT, _LATENCY = COLOURS[:2]
_SUCCESS = "#7fb3a3"
_FAILURE = "#a4161a"
_OBJECTIVE = "#b3261e"
_ASIDE = 0.12
"""The bars of a single stage stand so far from its middle: throughput on the left, latency on the right."""


def draw_chart1(stages: pd.DataFrame, footer: str, objectives: Objectives) -> Figure:
    """Throughput and latency over concurrent users, successes and failures below.

    Args:
        stages: the summary rows of one run.
        footer: what it was measured on and when.
        objectives: those for percentiles are lines; the operating point within them is marked.
    """
    row = stages.iloc[0]
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    above, below = figure.subplots(2, height_ratios=(4, 1.2), sharex=True)
    x = range(len(stages))
    aside = _ASIDE if len(stages) == 1 else 0.0

    if len(stages) == 1:
        above.bar(-aside, stages["Requests/s"], width=0.08, color=_THROUGHPUT, label="throughput")
        above.set_xlim(-1, 1)
    else:
        above.plot(x, stages["Requests/s"], color=_THROUGHPUT, marker="s", label="throughput")
        _mark(above, stages, objectives)
    for position, value in zip(x, stages["Requests/s"], strict=True):
        _annotate(above, position - aside, value, _THROUGHPUT, offset=9)
    above.set_ylabel("successful requests per second", color=_THROUGHPUT)
    above.set_ylim(0, _top(stages["Requests/s"]))

    latency = above.twinx()
    # The axes drawn last lie on top; the line of the throughput should not disappear behind the latency's band.
    above.set_zorder(latency.get_zorder() + 1)
    above.patch.set_visible(False)
    average = stages["Total Average Response Time"]
    median, p95, p99 = stages["Total Median Response Time"], stages["p95_ms"], stages["p99_ms"]
    _band(latency, median, p95, 0.38, "latency, p50 to p95")
    _band(latency, p95, p99, 0.16, "latency, p95 to p99")
    right = [position + aside for position in x]
    look: dict[str, Any] = {"marker": "_", "markersize": 24} if len(stages) == 1 else {"marker": "o"}
    (mean,) = latency.plot(right, average, color=_LATENCY, linestyle="--", label="latency, average", **look)
    highest = _top(pd.concat([average, p95, p99, _draw_objectives(latency, stages, objectives)]))
    logarithmic = highest > 20 * median.min()
    for at, value in zip(right, average, strict=True):
        # Below the point, away from the throughput's labels, where there is room.
        _annotate(latency, at, value, _LATENCY, offset=-16 if logarithmic or value > highest / 8 else 9)
    if logarithmic:
        # A tail of cold starts would press every other stage flat against the axis.
        set_logarithmic(latency, "y", [median.min() / 2, highest * 2])
        latency.set_ylabel(f"{latency_of(stages)}, ms (log scale)", color=_LATENCY)
    else:
        latency.set_ylim(0, highest)
        latency.set_ylabel(f"{latency_of(stages)}, ms", color=_LATENCY)
    others = [handle for handle in latency.get_legend_handles_labels()[0] if handle is not mean]
    handles = [*above.get_legend_handles_labels()[0], mean, *others]
    # Outside, where no point, label or objective can be under it.
    above.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, ncols=3)
    figure.suptitle(key_of(row).title(row["model_name"]))

    succeeded, failed = stages["Successful Requests"], [count_failed(stage) for _, stage in stages.iterrows()]
    below.bar(x, succeeded, color=_SUCCESS, label="successes", width=0.6)
    below.bar(x, failed, bottom=succeeded, color=_FAILURE, hatch="//", label="failures", width=0.6)
    for position, successes, failures in zip(x, succeeded, failed, strict=True):
        text = f"{successes:.0f} + {failures} failed" if failures else f"{successes:.0f}"
        above_bar = (position, successes + failures)
        below.annotate(text, above_bar, (0, 2), textcoords="offset points", ha="center", fontsize=8)
    below.set_ylim(0, (succeeded + failed).max() * 1.5 or 1)
    below.set_ylabel("requests")
    if stages["offered_per_s"].notna().all():
        below.set_xticks(list(x), [human_number(rate) for rate in stages["offered_per_s"]])
        below.set_xlabel("requests per second offered")
    else:
        below.set_xticks(list(x), [f"{users:.0f}" for users in stages["User Count"]])
        below.set_xlabel("concurrent users")
    below.legend(loc="upper left", frameon=False, ncols=2, fontsize=8)
    finish(figure, footer)
    return figure


def _mark(axes: Axes, stages: pd.DataFrame, objectives: Objectives) -> None:
    """A ring around the load at which an engineer would have it work."""
    point = find_operating_point(stages, objectives)
    if point is not None:
        place = stages.index.tolist().index(point.name)
        label, rate = "operating point", point["Requests/s"]
        axes.plot([place], [rate], "o", color=_THROUGHPUT, fillstyle="none", markersize=15, label=label)


def _draw_objectives(axes: Axes, stages: pd.DataFrame, objectives: Objectives) -> "pd.Series[float]":
    """A line for each percentile asked for, unless it is so far off that it would press all else flat; in ms."""
    near = near_limits(objectives, [*stages["Total Average Response Time"], *stages["p99_ms"]])
    for name, limit in near.items():
        axes.axhline(limit, color=_OBJECTIVE, linestyle=(0, (6, 4)), label=f"objective: {name} {limit:g} ms")
    return pd.Series([*near.values()], dtype="float64")


def _band(axes: Axes, low: "pd.Series[float]", high: "pd.Series[float]", alpha: float, label: str) -> None:
    """Between two percentiles; a single stage, which a band would have no width at, has a bar."""
    known = low.notna() & high.notna()
    if not known.any():
        return
    if len(known) == 1:
        axes.bar(_ASIDE, high - low, bottom=low, width=0.08, color=_LATENCY, alpha=alpha, label=label)
    else:
        axes.fill_between(range(len(known)), low, high, color=_LATENCY, alpha=alpha, linewidth=0, label=label)


def draw_chart2(summary: pd.DataFrame, looks: Mapping[RunKey, Look], footer: str) -> Figure:
    """Platforms side by side: models that fit, lowest latency, highest throughput, largest load without a failure.

    Each figure has its own axis and names the load at which it was measured; a platform none of whose stages
    was free of failures has no bar in the last panel.
    """
    points = operating_points(summary)
    figure = Figure(figsize=(max(12, 3 * len(points)), 4.6), layout="constrained")
    panels = figure.subplots(1, 4)
    types = summary["instance_type"].unique()
    several = len(types) > 1
    labels = [str(row["platform"]) + f"\n{row['instance_type']}" * several for _, row in points.iterrows()]
    colours = [looks[key_of(row)].colour for _, row in points.iterrows()]
    hatches = [_hatch(platform) for platform in points["platform"]]
    for axes, (column, title) in zip(
        panels,
        (
            ("models", "models in memory"),
            ("latency", "lowest average latency, ms\n(lower is better)"),
            ("throughput", "highest throughput, requests/s"),
            ("load", "largest load without a failure"),
        ),
        strict=True,
    ):
        axes.bar(range(len(points)), points[column], color=colours, hatch=hatches, edgecolor="white", width=0.6)
        for position, (_, row) in enumerate(points.iterrows()):
            text = _bar_text(row, column)
            height = 0 if pd.isna(row[column]) else row[column]
            axes.annotate(text, (position, height), (0, 3), textcoords="offset points", ha="center", fontsize=9)
        axes.set_title(title, fontsize=10)
        axes.set_xticks(range(len(points)), labels, fontsize=8)
        if several and len(points) > 2:
            axes.set_xticks(axes.get_xticks(), labels, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_xlim(-0.6, len(points) - 0.4)
        axes.margins(y=0.22)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=column in ("models", "load")))
        axes.spines[["top", "right"]].set_visible(False)
    where = "" if several else f" on {types[0]}"
    figure.suptitle(f"{summary['model_name'].iloc[0]}{where}: platforms compared")
    finish(figure, footer)
    return figure


def _bar_text(point: "pd.Series[float]", column: str) -> str:
    """The figure, and the load it was measured at; for the load itself the one is the other."""
    if pd.isna(point[column]):
        return "none"
    at = point.get(f"{column}_at")
    if column == "load":
        return str(at)
    return human_number(point[column]) + (f"\nat {at}" if at else "")


def _hatch(platform: str) -> str:
    """Told apart from the same platform at full precision."""
    return "//" if "-" in platform else ""


def _top(values: "pd.Series[float]") -> float:
    """Where an axis ends so that labels and legend have room; 1 where every stage failed."""
    highest = values.max()
    return float(highest) * 1.25 if highest > 0 else 1.0


def _annotate(axes: Axes, x: float, value: float, colour: str, offset: int) -> None:
    if math.isnan(value):
        return
    axes.annotate(
        human_number(value),
        (x, value),
        (0, offset),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        color=colour,
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
    )
