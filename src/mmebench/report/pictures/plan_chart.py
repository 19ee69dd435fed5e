"""A plan as a picture: what more instances bring, what an objective costs, and how it recovers."""

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmebench.record.plan import Option, PlanRecord, Point, Scenario
from mmebench.report.palette import COLOURS, QUIET, colour_of, marker_of
from mmebench.report.pictures.pictures import finish, fit, linear, logarithmic, quieten

_PANELS = 3
"""Beside each other."""
_MOST_OPTIONS = 6
"""That can be told apart; the cheapest ones."""
_FAR = 100
"""Times the smallest p99: what is slower nobody would want, and it would make the rest small."""
_MANIFOLD = 4.0
"""So many times the instances, and more, are one colour."""
_TITLE = 48
"""Letters of a line above a panel."""


def draw_plan(record: PlanRecord, footer: str) -> Figure | None:
    """p99 and hit ratio over instances, what a p99 costs, and the course of what-ifs.

    Args:
        record: of the plan.
        footer: on what it rests, and when that was measured.

    Returns:
        None where nothing holds the objectives.
    """
    options = [option for option in record.ranked if option.instances is not None][:_MOST_OPTIONS]
    if not options:
        return None
    courses = [scenario for scenario in options[0].scenarios if scenario.course or scenario.ways]
    rows = 1 + math.ceil(len(courses) / _PANELS)
    figure = Figure(figsize=(15, 5 * rows), layout="constrained")
    panels = figure.subplots(rows, _PANELS, squeeze=False)
    below = list(panels[1:].flat)
    _draw_latency(panels[0][0], options)
    _draw_hits(panels[0][1], options)
    _draw_cost(panels[0][2], options)
    for axes, scenario in zip(below, courses, strict=False):
        if scenario.ways:
            _draw_ways(axes, scenario)
        else:
            _draw_course(axes, scenario)
    for axes in below[len(courses) :]:
        axes.set_axis_off()
    figure.suptitle(
        f"{record.models:,} models, {record.rate:.4g} requests/s ({record.traffic}): {record.objectives}",
        fontsize=12,
    )
    finish(figure, footer)
    return figure


def _known(option: Option) -> list[Point]:
    """The computed ones, which keep up, by instances."""
    found = [point for point in option.points if point.by == "computed" and point.all.p99_ms is not None]
    quickest = min((point.all.p99_ms or 0.0 for point in found), default=0.0)
    near = [point for point in found if (point.all.p99_ms or 0.0) <= _FAR * quickest]
    return sorted(near, key=lambda point: point.instances)


def _draw_latency(axes: Axes, options: Sequence[Option]) -> None:
    values = []
    for number, option in enumerate(options):
        points, style = _known(option), _style(number)
        axes.plot([point.instances for point in points], [point.all.p99_ms or 0 for point in points], **style,
                  label=f"{option.platform} on {option.instance_type}, by formula")  # fmt: skip
        axes.plot([point.instances for point in points], [point.all.p50_ms or 0 for point in points],
                  color=style["color"], linestyle=":")  # fmt: skip
        values += [figure for point in points for figure in (point.all.p99_ms, point.all.p50_ms) if figure]
        if (answer := option.answer) is not None and answer.all.p99_ms:
            axes.plot([answer.instances], [answer.all.p99_ms], "*", color=style["color"], markersize=16,
                      label=f"{answer.instances}, simulated")  # fmt: skip
            values.append(answer.all.p99_ms)
    logarithmic(axes, "y", values)
    axes.set_xlabel("instances")
    axes.set_ylabel("latency, ms (log scale); p50 dotted")
    axes.set_title("p99 and p50", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    quieten(axes)


def _draw_hits(axes: Axes, options: Sequence[Option]) -> None:
    for number, option in enumerate(options):
        points = [point for point in _known(option) if point.hit_ratio is not None]
        axes.plot(
            [point.instances for point in points],
            [100 * (point.hit_ratio or 0) for point in points],
            **_style(number),
        )
    axes.set_ylim(0, 103)
    axes.set_xlabel("instances")
    axes.set_ylabel("requests that find their model in memory, %")
    axes.set_title("hit ratio", fontsize=10)
    quieten(axes)


def _draw_cost(axes: Axes, options: Sequence[Option]) -> None:
    """What it takes to hold a p99: the cheapest point that does."""
    priced = any(option.usd_per_hour is not None for option in options)
    limits, costs = [], []
    for number, option in enumerate(options):
        best, x, y = float("inf"), [], []
        for point in _known(option):
            p99 = point.all.p99_ms or float("inf")
            if p99 < best:
                best = p99
                x.append(p99)
                y.append(point.usd_per_month if priced else point.instances)
        axes.step(x, [value or 0 for value in y], where="post", **_style(number))
        limits += x
        costs += [value or 0 for value in y]
    if limits:
        logarithmic(axes, "x", limits)
    fit(axes, "y", costs)
    axes.set_xlabel("p99 that is to be held, ms (log scale)")
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylabel("US dollars a month" if priced else "instances")
    axes.set_title("what an objective costs", fontsize=10)
    quieten(axes)


def _draw_course(axes: Axes, scenario: Scenario) -> None:
    known = [moment for moment in scenario.course if moment.hit_ratio is not None]
    seconds = [moment.seconds for moment in known]
    axes.plot(seconds, [100 * (moment.hit_ratio or 0) for moment in known], color=COLOURS[0], label="hit ratio, %")
    axes.axvline(0, color=QUIET, linewidth=1)
    axes.set_ylim(0, 103)
    axes.set_xlabel("seconds since then")
    axes.set_ylabel("hit ratio, %", color=COLOURS[0])
    axes.set_title("\n".join(wrap(scenario.title, _TITLE)), fontsize=10)
    quieten(axes)
    other = axes.twinx()
    other.plot(seconds, [moment.p99_ms or 0 for moment in known], color=COLOURS[1])
    linear(other, "y", [moment.p99_ms or 0 for moment in known])
    other.set_ylabel("p99, ms", color=COLOURS[1])
    other.spines[["top"]].set_visible(False)


def _draw_ways(axes: Axes, scenario: Scenario) -> None:
    """Instances of both over popularity and number of models; the darker, the more components take."""
    models = sorted({each.models for each in scenario.ways})
    popularities = sorted({each.s for each in scenario.ways})
    times = np.full((len(models), len(popularities)), np.nan)
    for each in scenario.ways:
        row, column = models.index(each.models), popularities.index(each.s)
        shown = " | ".join("-" if count is None else f"{count:,}" for count in (each.multi_model, each.components))
        if each.multi_model and each.components:
            times[row, column] = each.components / each.multi_model
        dark = times[row, column] > _MANIFOLD / 2
        axes.text(column, row, shown, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axes.imshow(times, cmap="Blues", vmin=1, vmax=_MANIFOLD, aspect="auto", origin="lower")
    axes.set_xticks(range(len(popularities)), [f"{s:g}" for s in popularities])
    axes.set_yticks(range(len(models)), [f"{count:,}" for count in models])
    axes.set_xlabel("popularity: exponent of Zipf's law")
    axes.set_ylabel("models, each asked for as often as planned")
    axes.set_title("instances: multi-model | components;\nthe darker, the more components take", fontsize=10)


def _style(number: int) -> dict[str, Any]:
    return {"color": colour_of(number), "marker": marker_of(number)}
