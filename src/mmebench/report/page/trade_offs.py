"""The charts of report.html that weigh one figure against another: latency, throughput, cost."""

from collections.abc import Iterator, Sequence

import pandas as pd

from mmebench.figures.cost import PER_MILLION, find_front
from mmebench.report.latency import latency_of
from mmebench.report.page.axis import fitting, from_zero
from mmebench.report.page.chart import Chart, make
from mmebench.report.page.plot import WIDE, Mark, Plot, Size
from mmebench.report.page.points import (
    P50,
    P95,
    P99,
    RATE,
    finish_latency,
    last_label,
    latency_axis,
    latency_marks,
    ringed,
)
from mmebench.report.page.shown import Shown
from mmebench.spec import Objectives
from mmebench.units import human_number


def draw_trade_offs(runs: Sequence[Shown], objectives: Objectives) -> Iterator[Chart]:
    """Those that there is anything to be seen in."""
    known = [run for run in runs if not run.stages.empty]
    if any(len(run.stages) > 1 for run in known):
        yield from _knee(known, objectives)
    yield from _cost(known)


def _knee(runs: Sequence[Shown], objectives: Objectives) -> Iterator[Chart]:
    """Latency against throughput."""
    known = [run for run in runs if run.latencies]
    if not known:
        return

    def draw(size: Size, about: str) -> str:
        rates = [value for run in known for value in run.stages[RATE]]
        labels = []
        for run in known:
            latencies = {column: name for column, name in run.latencies.items() if column != P95}
            for column, name in latencies.items():
                labels += last_label(run, column, run.name if len(known) > 1 else "", name, RATE)
        x = from_zero("successful requests per second", rates, 8 if size == WIDE else 5)
        plot = Plot(size, x, latency_axis(known, objectives), labels)
        for run in known:
            rows = run.stages
            for column, name in run.latencies.items():
                if column != P95:
                    kind = "dotted" if column == P50 else ""
                    plot.line(zip(rows[RATE], rows[column], strict=True), run.number, kind)
                    plot.marks(latency_marks(run, column, name, RATE), run.number)
        finish_latency(plot, known, objectives, RATE)
        return plot.svg(about)

    summary = pd.concat([run.stages for run in known])
    about = f"{latency_of(summary)}, ms: where a line turns up, more load buys waiting; ringed: {ringed(known)}"
    yield make("Latency against throughput", about, draw)


def _cost(runs: Sequence[Shown]) -> Iterator[Chart]:
    """What a million inferences cost against p99, and the stages that none beats in both."""
    if not runs:
        return
    summary = pd.concat([run.stages for run in runs])
    if PER_MILLION not in summary or summary.dropna(subset=[PER_MILLION, P99]).empty:
        return
    front = find_front(summary)
    priced = [run for run in runs if run.stages[PER_MILLION].notna().any()]

    def draw(size: Size, about: str) -> str:
        costs = [value for run in priced for value in run.stages[PER_MILLION].dropna()]
        labels = [label for run in priced for label in last_label(run, P99, run.name, x=PER_MILLION)]
        plot = Plot(
            size,
            fitting("US dollars for a million inferences", costs, 8 if size == WIDE else 5),
            fitting("ms", summary[P99].dropna().tolist()),
            labels,
        )
        plot.line(zip(front[PER_MILLION], front[P99], strict=True), None, "front")
        for run in priced:
            rows = run.stages
            plot.line(zip(rows[PER_MILLION], rows[P99], strict=True), run.number, "thin")
            marks = (
                Mark(row[PER_MILLION], row[P99], f"{mark.tip}, ${human_number(row[PER_MILLION])} a million")
                for row, mark in zip(run.rows, latency_marks(run, P99, "p99", "load"), strict=True)
            )
            plot.marks(marks, run.number)
        return plot.svg(about)

    yield make("Cost against latency", "p99, ms; broad line: what no other stage beats in both", draw)
