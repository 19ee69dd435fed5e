"""The tables of report.html: stages, targets, errors, experiments."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from mmebench.figures.cost import of_time
from mmebench.figures.rows import rows_of
from mmebench.record.layout import SUMMARY
from mmebench.record.tables import read_table
from mmebench.report.page.shown import Shown
from mmebench.report.words.repeats import repeats_in_words
from mmebench.spec import EXPERIMENTS
from mmebench.units import human_number

_MOST = 100
"""Rows of what may have very many."""
_STAGE = {
    "Requests/s": "requests/s",
    "Total Average Response Time": "mean, ms",
    "Total Median Response Time": "p50, ms",
    "p95_ms": "p95, ms",
    "p99_ms": "p99, ms",
    "p99_9_ms": "p99.9, ms",
    "Successful Requests": "successes",
    "Failed Requests": "failures",
    "not_started": "never started",
    "cold_starts": "cold starts",
    "goodput_share": "in good time",
    "usd_per_million_inferences": "$ a million",
    "littles_law": "Little's law",
    "client_cpu": "client CPU",
    "loop_lag_p99_ms": "client lag, ms",
}
_FORMS = {
    "client_cpu": "share",
    "goodput_share": "share",
    "share": "share",
    "littles_law": "ratio",
    "Requests/s": "rate",
}


_TARGET = {
    "model": "model",
    "requests": "requests",
    "share": "of all",
    "failures": "failures",
    "cold_starts": "cold starts",
    "evictions": "evictions",
    "p50_ms": "p50, ms",
    "p95_ms": "p95, ms",
    "p99_ms": "p99, ms",
    "idle_s": "s between uses",
}


class Column(NamedTuple):
    """A column; ``words`` are sorted as such, anything else as numbers."""

    name: str
    words: bool = False
    is_run: bool = False


class Cell(NamedTuple):
    """What is shown, and what it is sorted by; both are empty where nothing is known."""

    text: str
    value: str


class Row(NamedTuple):
    """A row of a run."""

    run: int | None
    cells: Sequence[Cell]
    chosen: bool = False


class Table(NamedTuple):
    """A table with its title."""

    title: str
    about: str
    file: str
    """What it is called when somebody saves it."""
    columns: Sequence[Column]
    rows: Sequence[Row]


def make_tables(runs: Sequence[Shown]) -> Iterator[Table]:
    """Those that have a row."""
    tables = [_stages(runs), _errors(runs), _targets(runs), *_experiments(runs), _endpoint_time(runs)]
    yield from (table for table in tables if table.rows)


def number(value: Any, form: str = "") -> Cell:
    """A number as it can be read; nothing where it is not known."""
    if value is None or pd.isna(value):
        return Cell("", "")
    exact = f"{float(value):.10g}"
    if form == "ms":
        return Cell(human_number(float(value)), exact)
    if form == "share":
        return Cell(f"{value:.1%}", exact)
    if form == "rate":
        return Cell(f"{value:,.1f}" if value >= 9.95 else f"{value:.3g}", exact)
    if form == "ratio":
        return Cell(f"{value:.2f}", exact)
    if value == round(value):
        return Cell(f"{value:,.0f}", exact)
    return Cell(f"{value:.4g}" if abs(value) >= 1e-4 else f"{value:.4f}", exact)


def words(text: str) -> Cell:
    """A text."""
    return Cell(text, text)


def _stages(runs: Sequence[Shown]) -> Table:
    known = [run for run in runs if not run.stages.empty]
    shown = {
        column: name
        for column, name in _STAGE.items()
        if any(column in run.stages and run.stages[column].notna().any() for run in known)
        and (column != "not_started" or any((run.stages[column].fillna(0) > 0).any() for run in known))
    }
    rows = [
        Row(
            run.number,
            [
                words(run.name),
                Cell(load, f"{stage['load']:.10g}"),
                number(stage["targets"]),
                *(number(stage.get(column), _form(column)) for column in shown),
            ],
            run.chosen is not None and run.chosen.stage.name == name,
        )
        for run in known
        for name, stage, load in zip(run.stages.index, run.rows, run.loads, strict=True)
    ]
    columns = [
        Column("run", True, True),
        Column("load"),
        Column("targets"),
        *(Column(name) for name in shown.values()),
    ]
    shaded = "Shaded: the load of the figures that the report begins with."
    means = repeats_in_words(pd.concat([run.stages for run in known])) if known else ""
    about = f"One row a stage.{means} {shaded} {SUMMARY} beside this file has all columns."
    return Table("Stages", about, "stages.csv", columns, rows)


def _form(column: str) -> str:
    if column in _FORMS:
        return _FORMS[column]
    return "ms" if column.endswith("_ms") or column.startswith("Total ") else ""


def _errors(runs: Sequence[Shown]) -> Table:
    rows = []
    for run in runs:
        for error in rows_of(run.recorded.figures.errors.head(_MOST)):
            status = number(error["status"]) if error["status"] else Cell("none", "0")
            share = number(error["share"], "share")
            figures = (number(error["requests"]), share, number(error["targets"]), number(error["first_s"]))
            said = words(_said(run, error["error"], error["status"]))
            rows.append(Row(run.number, [words(run.name), words(error["error"]), said, status, *figures]))
    columns = [
        Column("run", True, True),
        Column("error", True),
        Column("what was said", True),
        *(Column(name) for name in ("HTTP status", "requests", "of all", "targets", "first at second")),
    ]
    return Table(
        "Errors", "Of the whole load, by what the endpoint or the client called them.", "errors.csv", columns, rows
    )


def _endpoint_time(runs: Sequence[Shown]) -> Table:
    """Where the time of endpoints went, and where it is paid for, the money."""
    parts = ("create", "fill", "load", "experiments", "delete")
    rows = []
    for shown in runs:
        run = shown.recorded.run
        if run is None or run.endpoint_time is None:
            continue
        seconds = [getattr(run.endpoint_time, part) for part in parts]
        paid = None if run.price is None else of_time(run.price.usd_per_hour, sum(seconds))
        cells = [number(each) for each in (*seconds, sum(seconds), paid)]
        rows.append(Row(shown.number, [words(shown.name), *cells]))
    columns = [
        Column("run", True, True),
        *(Column(f"{part}, s") for part in parts),
        Column("all, s"),
        Column("US dollars"),
    ]
    about = "Until it was up, had its targets, was measured, was gone; of runs on one the first has filled it."
    return Table("Where the endpoint's time went", about, "endpoint_time.csv", columns, rows)


def _said(run: Shown, error: str, status: int) -> str:
    """The most frequent message of such failures, and how many others there were."""
    counts: Counter[str] = Counter()
    for stage in run.recorded.run.stages if run.recorded.run is not None else ():
        for failed in stage.failures:
            if (failed.error, failed.status) == (error, status):
                counts[failed.message or failed.body] += failed.count
    if not counts:
        return ""
    others = f" (and {len(counts) - 1} other messages)" if len(counts) > 1 else ""
    return f"{counts.most_common(1)[0][0]}{others}"


def _targets(runs: Sequence[Shown]) -> Table:
    rows = []
    most, left_out = max(_MOST // max(len(runs), 1), 10), False
    of_runs = [run.recorded.figures.targets for run in runs]
    shown = {
        column: name
        for column, name in _TARGET.items()
        if any(column in targets and targets[column].notna().any() for targets in of_runs)
    }
    for run, targets in zip(runs, of_runs, strict=True):
        if targets.empty:
            continue
        targets = targets[targets["stage"] == run.stage_number]
        left_out |= len(targets) > most
        for target in rows_of(targets.head(most)):
            figures = [
                words(target[column] or "") if column == "model" else number(target[column], _form(column))
                for column in shown
            ]
            rows.append(Row(run.number, [words(run.name), words(target["target"]), *figures]))
    columns = [
        Column("run", True, True),
        Column("target", True),
        *(Column(name, column == "model") for column, name in shown.items()),
    ]
    some = f" Of each run the {most} that were asked for most." if left_out else ""
    about = f"Of the shaded stage, or without one the last; …by_target.csv has every stage.{some}"
    return Table("Targets", about, "targets.csv", columns, rows)


def _experiments(runs: Sequence[Shown]) -> Iterator[Table]:
    """Each as its file has it."""
    for run in runs:
        for kind, experiment in EXPERIMENTS.by_name.items():
            path = run.recorded.files.experiment(kind).table
            if not path.exists():
                continue
            frame = read_table(path).dropna(axis=1, how="all")
            is_words = {name: not pd.api.types.is_numeric_dtype(frame[name]) for name in frame}
            rows = [
                Row(
                    run.number,
                    [
                        words(str(cell))
                        if is_words[name] and pd.notna(cell)
                        else number(None if is_words[name] else cell)
                        for name, cell in row.items()
                    ],
                )
                for row in rows_of(frame.head(_MOST))
            ]
            some = (
                f"The first {_MOST} of {len(frame)} rows; all of them are in"
                if len(frame) > _MOST
                else "As it is in"
            )
            columns = [Column(str(name).replace("_", " "), is_words[name]) for name in frame]
            title = f"{experiment.title}: {run.name}" if len(runs) > 1 else experiment.title
            yield Table(title, f"{some} {path.name}.", f"{kind}.csv", columns, rows)
