"""The table of report.html by the way in which models were hosted."""

from collections.abc import Sequence

import pandas as pd

from mmebench.record.layout import HOSTINGS
from mmebench.report.operating_points import describe_load
from mmebench.report.page.shown import Shown
from mmebench.report.page.tables import Column, Row, Table, number, words
from mmebench.report.runs import key_of
from mmebench.report.words.hostings import TITLE, explain

_COLUMNS = (
    ("targets that were there", "served", ""),
    ("of", "all", ""),
    ("fit on an instance", "fits", ""),
    ("p50, ms", "p50_ms", "ms"),
    ("p99, ms", "p99_ms", "ms"),
    ("cold starts", "cold_share", "share"),
    ("requests/s", "requests_per_s", "rate"),
    ("instances for all", "instances", ""),
    ("$ a month", "usd_per_month", ""),
)


def make_hosting_table(runs: Sequence[Shown], hostings: pd.DataFrame) -> Table:
    """A row a way; without a row where there is one way only."""
    if hostings.empty:
        return Table("", "", HOSTINGS, [], [])
    numbers = {run.key: run.number for run in runs}
    rows = [
        Row(
            numbers[key_of(row)],
            [words(str(row["hosting"])), *(number(row[column], form) for _, column, form in _COLUMNS)],
        )
        for _, row in hostings.iterrows()
    ]
    columns = [Column("hosting", True, True), *(Column(title) for title, _, _ in _COLUMNS)]
    about = f"At {describe_load(hostings.iloc[0])}. {explain(hostings)}"
    return Table(TITLE, about, HOSTINGS, columns, rows)
