"""The report of experiments: a table and a picture each, and what they show in a sentence."""

import math
from collections.abc import Callable

import pandas as pd

from mmebench.figures.cold_starts import read_cold_starts, summarise_cold_starts
from mmebench.figures.interference import PHASES, read_course, summarise_interference
from mmebench.figures.working_set import find_thrash, summarise_working_set
from mmebench.record.layout import ExperimentFiles, RunFiles
from mmebench.record.run import Run, find_run
from mmebench.units import human_number, human_seconds


def write_experiments(files: RunFiles, footer: str) -> list[str]:
    """Write table and chart of each experiment that belongs to the run; returns what they show, a line each."""
    run = find_run(files)
    if run is None:
        return []
    lines = []
    for kind, write in _WRITERS.items():
        lines += write(files.experiment(kind), run, footer)
    return lines


def _write_cold_starts(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    if not files.table.exists():
        return []
    from mmebench.report.pictures.experiment_charts import draw_cold_starts
    from mmebench.report.pictures.pictures import save

    cold_starts = read_cold_starts(files.table)
    save(draw_cold_starts(cold_starts, f"{_title(run)}: cold starts", footer), files.chart)
    summary = summarise_cold_starts(cold_starts)
    return [
        f"{run.platform}: a cold start takes {_seconds(row['p50_s'])} at the median and "
        f"{_seconds(row['max_s'])} at most, {row['concurrency']:.0f} at once; "
        f"warm {_seconds(row['warm_p50_s'])}"
        for _, row in summary.iterrows()
    ]


def _seconds(seconds: float) -> str:
    return "unknown" if math.isnan(seconds) else human_seconds(seconds)


def _write_working_set(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    if not files.loads.is_dir() or run.capacity is None:
        return []
    cells = summarise_working_set(files.loads, run.capacity.fits)
    if cells.empty:
        return []
    from mmebench.report.pictures.experiment_charts import draw_working_set
    from mmebench.report.pictures.pictures import save

    cells.to_csv(files.table, index=False, float_format="%.6g")
    title = f"{_title(run)}: working set, {run.capacity.fits} targets fit"
    save(draw_working_set(cells, title, footer), files.chart)
    return [_describe_thrash(run, s, rows) for s, rows in cells.groupby("zipf")]


def _describe_thrash(run: Run, s: object, rows: pd.DataFrame) -> str:
    assert run.capacity is not None
    popularity = f"{run.platform}: popularity zipf {s:g}" if s else f"{run.platform}: uniform popularity"
    if rows["cold_inferred"].any():
        popularity += " (which requests were cold is inferred)"
    if rows["cold_time_share"].isna().all():
        return f"{popularity}: nobody says which requests were cold, so that thrash cannot be told"
    begin = find_thrash(rows)
    if begin is None:
        most = rows["ratio"].max()
        return f"{popularity}: no thrash up to {most:.3g} times the {run.capacity.fits} targets that fit"
    return (
        f"{popularity}: thrash begins at {begin:.2f} times the {run.capacity.fits} targets that fit "
        f"(about {begin * run.capacity.fits:.0f}); from there cold starts take most of the time"
    )


def _write_interference(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    course = read_course(files.loads)
    if course is None:
        return []
    from mmebench.report.pictures.experiment_charts import draw_interference
    from mmebench.report.pictures.pictures import save

    table = summarise_interference(course)
    table.to_csv(files.table, index=False, float_format="%.6g")
    title = f"{_title(run)}: what neighbours' cold starts cost"
    save(draw_interference(course, table, title, footer), files.chart)
    failures = sum(course.failures) + course.failed_neighbours
    failed = f"; {failures} requests failed" if failures else ""
    p50, p99 = ([_ms(value) for value in table[column]] for column in ("p50_ms", "p99_ms"))
    return [
        f"{run.platform}: p50 {p50[0]} and p99 {p99[0]} {PHASES[0]}; "
        f"{p50[-1]} and {p99[-1]} while a neighbour is being loaded{failed}"
    ]


def _ms(milliseconds: float) -> str:
    return "unknown" if math.isnan(milliseconds) else f"{human_number(milliseconds)} ms"


_WRITERS: dict[str, Callable[[ExperimentFiles, Run, str], list[str]]] = {
    "cold_starts": _write_cold_starts,
    "working_set": _write_working_set,
    "interference": _write_interference,
}


def _title(run: Run) -> str:
    return f"{run.model}: {run.platform} on {run.instance_type}"
