"""The table of report.html by kind of model."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mmebench.figures.objectives import judge_kind, kind_rows
from mmebench.record.layout import SUMMARY_BY_MODEL
from mmebench.report.operating_points import describe_load
from mmebench.report.page.shown import Shown
from mmebench.report.page.tables import Cell, Column, Row, Table, number, words
from mmebench.report.words.repeats import repeats_in_words
from mmebench.spec import Objectives
from mmebench.units import human_bytes

_MOST = 200
"""Kinds of each run."""
_FIGURES = {
    "targets": ("targets", ""),
    "capacity": ("fit", ""),
    "bytes_per_copy": ("a copy", "bytes"),
    "requests_share": ("of requests", "share"),
    "Requests/s": ("requests/s", "rate"),
    "Total Median Response Time": ("p50, ms", "ms"),
    "p99_ms": ("p99, ms", "ms"),
    "Failed Requests": ("failures", ""),
    "cold_starts": ("cold starts", ""),
    "slowdown": ("slowdown", "ratio"),
    "slowest_share": ("of slowest 1 %", "share"),
    "usd_per_million_inferences": ("$ a million", ""),
}


def make_model_table(runs: Sequence[Shown], objectives: Objectives) -> Table:
    """A row a kind, of the stage that is looked at more closely; without a row where there is no fleet."""
    known = [(run, run.stage) for run in runs if run.stage is not None and kind_rows(run.stage)]
    several = len(known) > 1
    rows = [
        Row(run.number, [*([words(run.name)] if several else []), *cells])
        for run, stage in known
        for cells in _cells(stage, objectives)[:_MOST]
    ]
    columns = [
        *([Column("run", True, True)] if several else []),
        Column("model", True),
        Column("platform", True),
        *(Column(name) for name, _ in _FIGURES.values()),
        Column("its objectives", True),
    ]
    about = (
        f"At {' and '.join(dict.fromkeys(describe_load(stage) for _, stage in known))}: the shaded stage of the "
        "run, or without one the last. Slowdown: mean latency over what an answer takes when "
        f"nothing is in its way.{_repeats(known)} {SUMMARY_BY_MODEL} beside this file has all stages and columns."
    )
    return Table("Models", about, "models.csv", columns, rows)


def _repeats(known: Sequence[tuple[Shown, "pd.Series[Any]"]]) -> str:
    return repeats_in_words(pd.DataFrame([stage for _, stage in known]))


def _cells(stage: "pd.Series[Any]", objectives: Objectives) -> list[list[Cell]]:
    return [
        [
            words(name),
            words(str(row["platform"])),
            *(_figure(row.get(column), form) for column, (_, form) in _FIGURES.items()),
            words(_standing(name, row, objectives)),
        ]
        for name, row in kind_rows(stage).items()
    ]


def _figure(value: Any, form: str) -> Cell:
    if form == "bytes" and value is not None and pd.notna(value):
        return Cell(human_bytes(value), f"{value:.10g}")
    return number(value, form)


def _standing(name: str, row: Mapping[Any, Any], objectives: Objectives) -> str:
    """How it stands to what is asked of it alone; nothing where nothing is."""
    own = objectives.of(name)
    if not own.given:
        return ""
    judged = judge_kind(row, own)
    return judged.standing if judged.standing == "held" else f"{judged.standing}: {judged.reasons}"
