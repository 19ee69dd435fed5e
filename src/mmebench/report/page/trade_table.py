"""The table of report.html by what variants trade."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mmebench.figures.trades import COST
from mmebench.record.layout import VARIANTS
from mmebench.report.operating_points import describe_load
from mmebench.report.page.shown import Shown
from mmebench.report.page.tables import Cell, Column, Row, Table, words
from mmebench.report.words.trades import TITLES, by_run, explain_marks, figure_in_words, shown_figures

_TITLES = (
    TITLES
    | {"throughput": "requests/s", COST: "$ a million"}
    | {f"p{each}": f"p{each}, ms" for each in (50, 95, 99)}
)


def make_trade_table(runs: Sequence[Shown], trades: pd.DataFrame) -> Table:
    """A row a load and variant; without a row where nothing is traded."""
    if trades.empty:
        return Table("", "", VARIANTS, [], [])
    figures = shown_figures(trades)
    shown = {run.key: run for run in runs}
    rows = [
        Row(
            shown[key].number,
            [_load(at_load), words(shown[key].name), words(_changes(of_run)), *_cells(of_run, figures)],
        )
        for _, at_load in trades.groupby("load")
        for key, of_run in by_run(at_load)
    ]
    columns = [
        Column("load"),
        Column("variant", True, True),
        Column("what is changed", True),
        *(Column(_TITLES[figure]) for figure in figures),
    ]
    about = f"At each load that they share. {explain_marks(trades)} {VARIANTS} beside this file has the intervals."
    return Table("What the variants trade", about, VARIANTS, columns, rows)


def _load(rows: pd.DataFrame) -> Cell:
    return Cell(describe_load(rows.iloc[0]), f"{rows['load'].iloc[0]}")


def _changes(rows: pd.DataFrame) -> str:
    changes: Any = rows["changes"].iloc[0]
    return str(changes) if isinstance(changes, str) and changes else "nothing"


def _cells(rows: pd.DataFrame, figures: Sequence[str]) -> list[Cell]:
    known = {row["figure"]: Cell(figure_in_words(row), f"{row['value']:.10g}") for _, row in rows.iterrows()}
    return [known.get(figure, Cell("", "")) for figure in figures]
