"""The charts of report.html of a whole load: over its time, and how its latency is distributed."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmebench.figures.latency import SHARES
from mmebench.record.metrics import since_load_began
from mmebench.report.objective_lines import near_limits
from mmebench.report.page.axis import Axis, fitting, from_zero, up_to
from mmebench.report.page.chart import Chart, make
from mmebench.report.page.plot import WIDE, Label, Mark, Plot, Size
from mmebench.report.page.points import draw_objectives
from mmebench.report.page.shown import Shown
from mmebench.report.resources import Line, find_panels
from mmebench.report.stretches import Stretch, find_stretches
from mmebench.report.ticks import Ticks
from mmebench.spec import Objectives
from mmebench.units import human_number

_MOST = 240
"""Points along a line; of more, neighbours are put together."""
_TIPS = 60
_P99 = int(np.abs(SHARES - 0.99).argmin())
_TAIL = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}


def draw_time_charts(runs: Sequence[Shown], objectives: Objectives) -> Iterator[Chart]:
    """Those that there is anything to be seen in."""
    known = ((run, run.recorded.figures.distribution) for run in runs)
    distributions = [(run, latencies) for run, latencies in known if latencies is not None]
    if distributions:
        yield make(
            "How latency is distributed",
            "latency of all successes of the load, ms; the axis opens up towards the tail",
            lambda size, about: _distribution(distributions, size, about),
        )
    for run in runs:
        if not run.recorded.figures.course.empty:
            name = f": {run.name}" if len(runs) > 1 else ""
            yield _course(run, f"Latency over time{name}", objectives)
    yield from _resources(runs)


def _distribution(known: Sequence[tuple[Shown, npt.NDArray[np.float64]]], size: Size, about: str) -> str:
    values = [float(value) for _, latencies in known for value in latencies if value > 0]
    at = tuple(1 / (1 - share) for share in _TAIL.values())
    x = Axis("share of successes that took no longer", Ticks(1.0, 1000.0, (1.0, *at)), True, ("0", *_TAIL))
    labels = []
    for run, latencies in known:
        last = int(np.flatnonzero(np.isfinite(latencies))[-1])
        labels.append(Label(run.number, 1 / (1 - SHARES[last]), float(latencies[last]), run.name))
    plot = Plot(size, x, fitting("ms", values), labels)
    for run, latencies in known:
        points = [(1 / (1 - share), float(value)) for share, value in zip(SHARES, latencies, strict=True)]
        plot.line(points, run.number)
        for name, share in _TAIL.items():
            place = int(np.abs(SHARES - share).argmin())
            value = float(latencies[place])
            plot.marks([Mark(*points[place], f"{run.name}: {name} {human_number(value)} ms")], run.number)
    return plot.svg(about)


def _course(run: Shown, title: str, objectives: Objectives) -> Chart:
    course, record = run.recorded.figures.course, run.recorded.run
    assert record is not None, "whose samples the course is of"
    # Stages of the summary are by load, those of the record by time.
    stages = find_stretches(record.stages, run.stages.sort_index())
    seconds = -(-len(course) // _MOST)
    rows = _together(course, seconds)
    end = max([stage.end for stage in stages] + [float(course["second"].iloc[-1]) + 1])

    def draw(size: Size, about: str) -> str:
        p50, p99 = rows["p50_ms"].tolist(), rows["p99_ms"].tolist()
        values = [*p50, *p99]
        values += near_limits(objectives, values).values()
        at = (rows["second"] + seconds / 2).tolist()
        labels = [Label(run.number, at[-1], p99[-1], "", "p99"), Label(run.number, at[-1], p50[-1], "", "p50")]
        x = _seconds(end, size)
        plot = Plot(size, x, fitting("ms", values), labels)
        _mark_stages(plot, stages)
        plot.band(at, p50, p99, run.number)
        plot.line(zip(at, p99, strict=True), run.number, "thin")
        plot.line(zip(at, p50, strict=True), run.number)
        known = rows["second"].tolist()
        every = -(-len(at) // _TIPS)
        plot.marks(
            [
                Mark(
                    at[place],
                    p99[place],
                    f"second {known[place]:.0f}: p50 {human_number(p50[place])} ms, "
                    f"p99 {human_number(p99[place])} ms",
                )
                for place in range(0, len(at), every)
            ],
            run.number,
            shown=False,
        )
        draw_objectives(plot, objectives)
        return plot.svg(about)

    of = "each second" if seconds == 1 else f"the second in {seconds} with the highest"
    return make(title, f"p50 and p99 of {of}, ms; grey does not count: users start, warm-up", draw, run.number)


def _together(course: pd.DataFrame, seconds: int) -> pd.DataFrame:
    """Of so many seconds each the largest figures: nothing that stood out is lost."""
    if seconds == 1:
        return course
    return course.groupby(course["second"] // seconds * seconds)[["p50_ms", "p99_ms"]].max().reset_index()


def _seconds(end: float, size: Size) -> Axis:
    return up_to("seconds since the load began", [end], 9 if size == WIDE else 6)


def _mark_stages(plot: Plot, stages: Sequence[Stretch]) -> None:
    for stage in stages:
        plot.stretch(stage.start, stage.ready, "", "warmup")
        plot.stretch(stage.start, stage.end, stage.load, "stage")


class _Course(NamedTuple):
    run: Shown
    line: Line
    name: str


def _resources(runs: Sequence[Shown]) -> Iterator[Chart]:
    """What was recorded beside the load: a chart for each unit, with a line for each run."""
    panels: dict[tuple[str, str], list[_Course]] = {}
    end = 1.0
    for run in runs:
        record = run.recorded.run
        if record is None:
            continue
        first, last = (record.stages[0].start, record.stages[-1].end) if record.stages else (0.0, 0.0)
        metrics = since_load_began(run.recorded.metrics, run.recorded.files.stats_history, first)
        for panel in find_panels(run.recorded.sightings, metrics, last):
            title = panel.title.replace("\n", " ")
            for line in panel.lines:
                name = run.name if len(panel.lines) == 1 else f"{run.name}: {line.name}"
                panels.setdefault((title, panel.unit), []).append(_Course(run, line, name))
                end = max(end, last, float((line.at + line.seconds).max()))
    for (title, unit), courses in panels.items():
        heading = title[0].upper() + title[1:] + " during the load"
        yield make(heading, unit, partial(_resource, courses, unit, end))


def _resource(courses: Sequence[_Course], unit: str, end: float, size: Size, about: str) -> str:
    values = [float(value) for course in courses for value in course.line.value]
    labels = []
    for course in courses:
        known = np.flatnonzero(np.isfinite(course.line.value))
        if len(known):
            last = known[-1]
            at = float(course.line.at[last] + course.line.seconds)
            labels.append(Label(course.run.number, at, float(course.line.value[last]), course.name))
    plot = Plot(size, _seconds(end, size), from_zero(unit, values, whole=unit == "targets"), labels)
    for course in courses:
        line, every = course.line, -(-len(course.line.at) // _MOST)
        points: list[tuple[float, float]] = []
        for at, value in zip(line.at[::every].tolist(), line.value[::every].tolist(), strict=True):
            points.append((at, value))
            if line.seconds:  # a minute's average says nothing of how it came to the next
                points += [(at + line.seconds, value), (np.nan, np.nan)]
        plot.line(points, course.run.number)
        few = -(-len(line.at) // _TIPS)
        plot.marks(
            [
                Mark(at, value, f"{course.name}, second {at:.0f}: {human_number(value)} {unit}")
                for at, value in zip(line.at[::few].tolist(), line.value[::few].tolist(), strict=True)
            ],
            course.run.number,
            shown=False,
        )
    return plot.svg(about)
