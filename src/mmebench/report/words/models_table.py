"""The kinds of models of a fleet as a table for the terminal."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from mmebench.figures.objectives import kind_rows
from mmebench.figures.operating_point import find_operating_point
from mmebench.report.operating_points import describe_load
from mmebench.report.runs import runs_in_words
from mmebench.report.words.repeats import repeats_in_words
from mmebench.report.words.table import narrow_table
from mmebench.spec import Objectives

_MOST = 20
_MS, _SHARE = "ms", "share"
_FIGURES = (
    ("max_models_loaded", "models", "{:.0f}"),
    ("Requests/s", "req/s", "{:.1f}"),
    ("Total Median Response Time", "p50", _MS),
    ("p99_ms", "p99", _MS),
    ("Successful Requests", "ok", "{:.0f}"),
    ("Failed Requests", "fail", "{:.0f}"),
    ("cold_starts", "cold", "{:.0f}"),
    ("slowdown", "slowed", "{:.1f}x"),
    ("slowest_share", "tail", _SHARE),
)


def models_table(summary: pd.DataFrame, objectives: Objectives) -> Table | None:
    """One line a kind at the operating point of each fleet, or at its last stage; None without a fleet."""
    table = narrow_table(
        "by model",
        "slowed: mean latency over what an answer takes when nothing is in its way. tail: share of the slowest "
        f"1 % of answers.{repeats_in_words(summary)}",
    )
    table.add_column("model", overflow="fold")
    table.add_column("platform", no_wrap=True)
    for _, title, _ in _FIGURES:
        table.add_column(title, justify="right", no_wrap=True)
    for _, stages in runs_in_words(summary):
        point = find_operating_point(stages, objectives)
        stage = stages.iloc[-1] if point is None else point
        rows = sorted(kind_rows(stage).values(), key=lambda row: -float(row["Requests/s"]))
        if rows:
            table.add_section()
            table.add_row(f"at {describe_load(stage)}")
        for row in rows[:_MOST]:
            table.add_row(str(row["model"]), str(row["platform"]), *(_cell(row, *figure) for figure in _FIGURES))
        if len(rows) > _MOST:
            table.add_row(f"and {len(rows) - _MOST} more")
    return table if table.row_count else None


def _cell(row: Mapping[Any, Any], column: str, _: str, form: str) -> str:
    value = row.get(column)
    if value is None or pd.isna(value):
        return ""
    if form == _MS:  # whole numbers, where that leaves two digits
        return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"
    return f"{value:.0%}" if form == _SHARE else form.format(value)
