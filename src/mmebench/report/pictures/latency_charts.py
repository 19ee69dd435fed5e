"""Latency of whole loads: how it is distributed, and how it was from second to second."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from mmebench.figures.latency import SHARES
from mmebench.report.palette import COLOURS
from mmebench.report.pictures.pictures import MOST_POINTS, finish, fit, legend_below, logarithmic, quieten, titled
from mmebench.report.runs import Look
from mmebench.report.stretches import Stretch, count_seconds, mark_stages, name_stages
from mmebench.units import human_number

_TICKS = (0.0, 0.5, 0.9, 0.99, 0.999)


def draw_distribution(
    distributions: Mapping[Look, npt.NDArray[np.float64]], title: str, footer: str
) -> Figure | None:
    """Latency against the share of successes that took no longer, with the tail spread out to 99.9 %.

    Args:
        distributions: for each run its latencies in ms at :data:`mmebench.figures.latency.SHARES`.
        title: which model.
        footer: on what it was measured, and when.

    Returns:
        None where no run has a success.
    """
    known = {look: values for look, values in distributions.items() if np.isfinite(values).any()}
    if not known:
        return None
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    at = [int(np.abs(SHARES - tick).argmin()) for tick in _TICKS]
    for look, values in known.items():
        p50, p99 = (_ms(values[at[which]]) for which in (1, 3))
        axes.plot(
            1 / (1 - SHARES),
            values,
            color=look.colour,
            linestyle=look.dashes,
            marker=look.marker,
            markevery=at[1:],
            clip_on=False,
            label=f"{look.name}: p50 {p50}, p99 {p99}",
        )
    axes.set_xscale("log")
    axes.set_xlim(1, 1000)
    axes.set_xticks([1 / (1 - tick) for tick in _TICKS], [f"{tick * 100:g} %" for tick in _TICKS])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("share of successes that took no longer (the axis opens up towards the tail)")
    logarithmic(axes, "y", np.concatenate(list(known.values())))
    axes.set_ylabel("latency of successes, ms (log scale)")
    axes.set_title(titled(title, "latency distribution, ms"))
    quieten(axes)
    legend_below(axes)
    finish(figure, footer)
    return figure


def _ms(value: float) -> str:
    return "unknown" if np.isnan(value) else f"{human_number(value)} ms"


def draw_latency_over_time(
    course: pd.DataFrame, stages: Sequence[Stretch], title: str, footer: str
) -> Figure | None:
    """p50 and p99 of each second, with the stages of the load.

    Args:
        course: as :func:`mmebench.figures.latency.latency_by_second` gives it.
        stages: of the load.
        title: which run.
        footer: on what it was measured, and when.

    Returns:
        None where there was no success.
    """
    if course.empty:
        return None
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots()
    x, p50, p99 = course["second"] + 0.5, course["p50_ms"], course["p99_ms"]
    marker = "." if len(course) <= MOST_POINTS else ""
    axes.fill_between(x, p50, p99, color=COLOURS[1], alpha=0.15, linewidth=0)
    axes.plot(x, p99, color=COLOURS[1], linewidth=1.2, marker=marker, label="p99 of each second")
    axes.plot(x, p50, color=COLOURS[0], linewidth=1.2, marker=marker, label="p50 of each second")
    log = fit(axes, "y", [*p50, *p99])
    axes.set_ylabel(f"latency of successes, ms{log}")
    count_seconds(axes, max([stage.end for stage in stages] + [float(x.iloc[-1]) + 0.5]))
    axes.set_title(titled(title, "latency over time, ms"))
    quieten(axes)
    mark_stages(axes, stages)
    name_stages(axes, stages)
    legend_below(axes)
    finish(figure, footer)
    return figure
