"""What a million inferences cost against how long they take."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from mmebench.figures.cost import PER_MILLION, find_front
from mmebench.figures.failures import without_failure
from mmebench.report.operating_points import describe_load
from mmebench.report.palette import QUIET
from mmebench.report.pictures.labels import Label, place_labels
from mmebench.report.pictures.pictures import finish, fit, legend_below, logarithmic, quieten, titled
from mmebench.report.runs import Look, RunKey, stages_by_run

_P99 = "p99_ms"


def draw_cost(summary: pd.DataFrame, looks: Mapping[RunKey, Look], title: str, footer: str) -> Figure | None:
    """p99 of all runs against US dollars for a million inferences, and the stages that none beats in both.

    Args:
        summary: the rows of all runs.
        looks: of all runs.
        title: which model.
        footer: on what it was measured, and when.

    Returns:
        None where no stage has a price and a p99.
    """
    if PER_MILLION not in summary:
        return None
    priced = summary.dropna(subset=[PER_MILLION, _P99])
    if priced.empty:
        return None
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    axes = figure.subplots()
    front = find_front(summary)
    axes.plot(
        front[PER_MILLION],
        front[_P99],
        color=QUIET,
        linewidth=9,
        alpha=0.4,
        marker="o",
        markersize=17,
        markeredgewidth=0,
        label="Pareto front: no stage is both cheaper and faster",
    )
    for key, stages in stages_by_run(priced):
        look = looks[key]
        colour, marker = look.colour, look.marker
        axes.plot(stages[PER_MILLION], stages[_P99], color=colour, marker=marker, linewidth=1.2, label=look.name)
    failed = priced[~without_failure(priced)]
    if not failed.empty:
        axes.plot(failed[PER_MILLION], failed[_P99], "kx", markersize=9, label="with failures: no choice")
    log = fit(axes, "x", priced[PER_MILLION])
    logarithmic(axes, "y", priced[_P99])
    axes.set_xlabel(f"US dollars for a million inferences{log}")
    axes.set_ylabel("p99 of successes, ms (log scale)")
    axes.set_title(titled(title, "p99, ms, against cost, US dollars for a million inferences"))
    quieten(axes)
    place_labels(
        axes,
        [Label(row[PER_MILLION], row[_P99], describe_load(row), "black") for _, row in front.iterrows()],
        [(row[PER_MILLION], row[_P99]) for _, row in priced.iterrows()],
    )
    legend_below(axes)
    finish(figure, footer)
    return figure
