"""The charts of report.html over the load: throughput, latency, failures."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from mmebench.figures.failures import count_failed, without_failure
from mmebench.figures.scalability import Scalability, fit_scalability
from mmebench.report.latency import MEAN, known_latencies, latency_of
from mmebench.report.page.axis import Axis, from_zero, of_loads
from mmebench.report.page.bars import Bar, Part, draw_bars
from mmebench.report.page.chart import Chart, make
from mmebench.report.page.plot import WIDE, Plot, Size
from mmebench.report.page.points import (
    P50,
    P95,
    P99,
    RATE,
    finish_latency,
    last_label,
    latency_axis,
    latency_marks,
    rate_marks,
    ringed,
    values_of,
)
from mmebench.report.page.shown import Shown
from mmebench.spec import Objectives
from mmebench.units import human_number

_CURVE_POINTS = 60
_BAR = 22.0
"""The width of a run that has one stage among others that have several."""


def draw_load_charts(runs: Sequence[Shown], objectives: Objectives) -> Iterator[Chart]:
    """Those that there is anything to be seen in; users and requests per second have charts of their own."""
    for open_loop in (False, True):
        own = [run for run in runs if not run.stages.empty and run.open_loop is open_loop]
        if own:
            yield from _draw(own, "requests/s offered" if open_loop else "users", objectives)


def _draw(runs: Sequence[Shown], load: str, objectives: Objectives) -> Iterator[Chart]:
    summary = pd.concat([run.stages for run in runs])
    latency = latency_of(summary)
    several = any(len(run.stages) > 1 for run in runs)
    rate = "successful requests per second, with 95 % intervals"
    if several:
        loads = summary["load"].tolist()
        over = f"over {load}"
        laws = {run.number: law for run in runs if (law := _law(run)) is not None}
        fitted = "; dotted: fitted to what was measured, by the universal scalability law" if laws else ""
        yield make(
            f"Throughput {over}",
            f"{rate}; ringed: {ringed(runs)}{fitted}",
            lambda s, a: _throughput(runs, laws, loads, load, s, a),
        )
    else:
        at = " and ".join(dict.fromkeys(at for run in runs for at in run.loads))
        yield make(f"Throughput at {at}", rate, lambda s, a: _throughput_bars(runs, s, a))
    if several and known_latencies(summary):
        percentiles = "p50 to p99 as a band" if summary[P99].notna().any() else "the mean"
        yield make(
            f"Latency {over}",
            f"{latency}, ms: {percentiles}{_said(objectives)}",
            lambda s, a: _latency(runs, loads, load, objectives, s, a),
        )
    elif known_latencies(summary):
        yield make(f"Latency at {at}", f"{latency}, ms", lambda s, a: _latency_bars(runs, s, a))
    if any(count_failed(row) for run in runs for row in run.rows):
        yield _failures(runs, load, several)


def _said(objectives: Objectives) -> str:
    return "; dashed: the objective" if objectives.percentiles else ""


def _loads(loads: Sequence[float], name: str, size: Size) -> Axis:
    return of_loads(name, loads, 10 if size == WIDE else 6)


def _law(run: Shown) -> Scalability | None:
    """What its throughput is like between the loads that were measured; None where nobody can say.

    What fails takes no part in it, and the line would go on through loads that it was not fitted to.
    """
    if run.open_loop or not without_failure(run.stages).all():
        return None
    return fit_scalability(run.stages["load"], run.stages[RATE])


def _throughput(
    runs: Sequence[Shown],
    laws: Mapping[int, Scalability],
    loads: Sequence[float],
    load: str,
    size: Size,
    about: str,
) -> str:
    values = [
        value for run in runs for value in (*run.stages[RATE], *values_of(run.stages, "throughput_high_per_s"))
    ]
    labels = [label for run in runs for label in last_label(run, RATE, run.name)]
    plot = Plot(size, _loads(loads, load, size), from_zero("requests/s", values), labels)
    for run in runs:
        rows = run.stages
        low, high = (values_of(rows, f"throughput_{side}_per_s") for side in ("low", "high"))
        single = len(rows) == 1
        for x, bottom, top in zip(rows["load"], low, high, strict=True):
            if not math.isnan(bottom + top):
                plot.upright(x, bottom, top, run.number)
        if single:
            plot.upright(rows["load"].iloc[0], 0, rows[RATE].iloc[0], run.number, _BAR, "bar")
        elif (law := laws.get(run.number)) is not None:
            between = np.geomspace(rows["load"].min(), rows["load"].max(), _CURVE_POINTS)
            plot.line(zip(between, law.at(between), strict=True), run.number, "dotted")
        else:
            plot.line(zip(rows["load"], rows[RATE], strict=True), run.number)
        plot.marks(rate_marks(run, "load"), run.number, shown=not single)
        if run.chosen is not None:
            stage = run.chosen.stage
            plot.ring(stage["load"], stage[RATE], run.number, f"{human_number(stage[RATE])}/s")
    return plot.svg(about)


def _latency(
    runs: Sequence[Shown], loads: Sequence[float], load: str, objectives: Objectives, size: Size, about: str
) -> str:
    labels = []
    for run in runs:
        for column, name in run.latencies.items():
            if len(runs) == 1 or column != P95:  # between the two others
                labels += last_label(run, column, "" if len(runs) == 1 else run.name, name)
    plot = Plot(size, _loads(loads, load, size), latency_axis(runs, objectives), labels)
    for run in runs:
        rows, known = run.stages, run.latencies
        x = rows["load"].tolist()
        if len(x) == 1:
            for column in (column for column in (P99, P95, P50, MEAN) if column in known):
                plot.upright(x[0], plot.y.ticks.low, rows[column].iloc[0], run.number, _BAR, "layer")
        else:
            if P99 in known:
                plot.band(x, rows[P50].tolist(), rows[P99].tolist(), run.number)
            for column in known:
                kind = {P95: "dotted", P50: ""}.get(column, "thin")
                if len(runs) == 1 or column != P95:
                    plot.line(zip(x, rows[column], strict=True), run.number, kind)
        for column, name in known.items():
            if len(runs) == 1 or column != P95:
                plot.marks(latency_marks(run, column, name, "load"), run.number, shown=len(x) > 1)
    finish_latency(plot, runs, objectives, "load")
    return plot.svg(about)


def _throughput_bars(runs: Sequence[Shown], size: Size, about: str) -> str:
    bars = []
    for run in runs:
        row, (mark,) = run.stages.iloc[0], rate_marks(run, "load")
        low, high = (values_of(run.stages, f"throughput_{side}_per_s")[0] for side in ("low", "high"))
        bars.append(
            Bar(
                run.number,
                run.name,
                [Part(row[RATE], "bar", mark.tip)],
                f"{human_number(row[RATE])}/s",
                (low, high),
            )
        )
    return draw_bars(size, bars, "requests/s", about)


def _latency_bars(runs: Sequence[Shown], size: Size, about: str) -> str:
    """A bar for each percentile: to be compared one by one."""
    bars = []
    columns = known_latencies(pd.concat([run.stages for run in runs]))
    for column, name in columns.items():
        for run in runs:
            value = run.stages[column].iloc[0]
            (mark,) = latency_marks(run, column, name, "load")
            length = 0.0 if pd.isna(value) else float(value)
            text = "too few answers" if pd.isna(value) else f"{human_number(value)} ms"
            low, high = (values_of(run.stages, f"{name}_{side}_ms")[0] for side in ("low", "high"))
            label = name if len(runs) == 1 else f"{name} {run.name}"
            bars.append(Bar(run.number, label, [Part(length, "bar", mark.tip)], text, (low, high)))
    return draw_bars(size, bars, "ms", about)


def _failures(runs: Sequence[Shown], load: str, several: bool) -> Chart:
    def draw(size: Size, about: str) -> str:
        bars = []
        for run in runs:
            for row, load_in_words in zip(run.rows, run.loads, strict=True):
                failed = count_failed(row)
                if not failed:
                    continue
                requests = failed + int(row["Successful Requests"])
                share = failed / requests if requests else 0.0
                text = f"{failed:,} of {requests:,} failed or were never started"
                name = f"{run.name}, {load_in_words}" if several else run.name
                part = Part(share * 100, "failed", f"{name}: {text}")
                bars.append(Bar(run.number, name, [part], f"{share:.2%}"))
        return draw_bars(size, bars, "% of requests", about)

    return make(
        "Failures",
        "% of requests that failed or were never started, where there were any",
        draw,
    )
