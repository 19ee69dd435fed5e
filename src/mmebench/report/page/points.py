"""What a stage has in the charts of report.html: points with what they say, labels, the load that is chosen."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from mmebench.figures.metric import METRICS, estimate_of
from mmebench.report.intervals import with_interval
from mmebench.report.latency import MEAN, PERCENTILES
from mmebench.report.objective_lines import near_limits
from mmebench.report.page.axis import Axis, fitting
from mmebench.report.page.plot import Label, Mark, Plot
from mmebench.report.page.shown import Shown
from mmebench.spec import Objectives
from mmebench.units import human_number

RATE = "Requests/s"
P50, P95, P99 = PERCENTILES


def last_label(run: Shown, column: str, name: str, kind: str = "", x: str = "load") -> list[Label]:
    """At the last point of a line."""
    known = [row for row in run.rows if pd.notna(row[column])]
    if not known:
        return []
    last = known[-1]
    return [Label(run.number, float(last[x]), float(last[column]), name, kind)]


def rate_marks(run: Shown, x: str) -> Iterator[Mark]:
    """The throughput of each stage, by this column."""
    for row, load in zip(run.rows, run.loads, strict=True):
        rate = with_interval(estimate_of(row, METRICS["throughput"]), " requests/s")
        yield Mark(row[x], row[RATE], f"{run.name}, {load}: {rate}")


def latency_marks(run: Shown, column: str, name: str, x: str) -> Iterator[Mark]:
    """A latency of each stage, by the column ``x``."""
    for row, load in zip(run.rows, run.loads, strict=True):
        latency = with_interval(estimate_of(row, METRICS[name]), " ms")
        yield Mark(row[x], row[column], f"{run.name}, {load}: {name} {latency}")


def latency_axis(runs: Sequence[Shown], objectives: Objectives) -> Axis:
    """Of all that is known of these runs, and the objective unless that is far off."""
    values = [float(value) for run in runs for column in run.latencies for value in run.stages[column].dropna()]
    return fitting("ms", [*values, *near_limits(objectives, values).values()] or [1.0])


def draw_objectives(plot: Plot, objectives: Objectives) -> None:
    """A line for each percentile asked for, where the axis reaches so far."""
    for name, limit in objectives.percentiles.items():
        plot.level(limit * 1e3, f"objective: {name} {limit * 1e3:g} ms")


def finish_latency(plot: Plot, runs: Sequence[Shown], objectives: Objectives, x: str) -> None:
    """Objective and chosen points, on top of all else."""
    draw_objectives(plot, objectives)
    for run in runs:
        if run.chosen is not None:
            stage = run.chosen.stage
            column = P99 if pd.notna(stage[P99]) else MEAN
            plot.ring(stage[x], stage[column], run.number, f"{human_number(stage[column])} ms")


def values_of(rows: pd.DataFrame, name: str) -> list[float]:
    """NaN where the summary does not have it."""
    return [float(value) for value in rows[name]] if name in rows else [math.nan] * len(rows)


def ringed(runs: Sequence[Shown]) -> str:
    """What rings mean."""
    return (
        " or ".join(dict.fromkeys(run.chosen.why for run in runs if run.chosen))
        or "none, as no load was good enough"
    )
