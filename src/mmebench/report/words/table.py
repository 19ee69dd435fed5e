"""The summary as a table for the terminal."""

import re
from itertools import zip_longest

import pandas as pd
from rich.box import SIMPLE
from rich.table import Table

from mmebench.figures.operating_point import loads
from mmebench.report.latency import latency_of
from mmebench.report.words.repeats import repeats_in_words

_MS = "ms"
_WIDEST = 14
"""Letters of a name that leave room for all figures in 80 columns."""
_FIGURES = (
    ("max_models_loaded", "models", "{:.0f}"),
    ("load", "load", "{:.3g}"),
    ("Requests/s", "req/s", "{:.1f}"),
    ("Total Average Response Time", "mean", _MS),
    ("Total Median Response Time", "p50", _MS),
    ("p95_ms", "p95", _MS),
    ("p99_ms", "p99", _MS),
    ("Successful Requests", "ok", "{:.0f}"),
    ("Failed Requests", "fail", "{:.0f}"),
    ("cold_starts", "cold", "{:.0f}"),
    ("littles_law", "Little", "{:.2f}"),
)


def narrow_table(title: str, caption: str) -> Table:
    """A table as all are that a terminal shows, without rows and columns: nothing is around it."""
    return Table(
        title=title,
        caption=caption,
        caption_justify="left",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )


def summary_table(summary: pd.DataFrame) -> Table:
    """One line a stage, in 80 columns; an empty cell is a figure that the samples cannot carry.

    Where there are several instance types, each is named below its platform, in the place of p95.
    """
    instance_types = summary["instance_type"].unique()
    several = len(instance_types) > 1
    shown = [figure for figure in _FIGURES if not (several and figure[0] == "p95_ms")]
    where = "" if several else f" on {instance_types[0]}"
    title = f"{summary['model_name'].iloc[0]}{where}"
    table = narrow_table(title, _caption(summary))
    table.add_column("platform", no_wrap=True)
    for _, title, _ in shown:
        table.add_column(title, justify="right", no_wrap=True)
    for (instance_type, platform, _), stages in summary.assign(load=loads(summary)).groupby(
        ["instance_type", "platform", "targets"], sort=False
    ):
        names = [*on_lines(str(platform)), *(on_lines(str(instance_type)) if several else [])]
        lines = [[_cell(row, column, form) for column, _, form in shown] for _, row in stages.iterrows()]
        for name, figures in zip_longest(names, lines, fillvalue=""):
            table.add_row(name, *figures)
        table.add_section()
    return table


def _cell(row: "pd.Series[float]", column: str, form: str) -> str:
    if pd.isna(row[column]):
        return ""
    if form == _MS:  # whole numbers, where that leaves two digits
        return f"{row[column]:.0f}" if row[column] >= 9.95 else f"{row[column]:.2g}"
    limited = column == "Requests/s" and pd.notna(row["client_limited"]) and row["client_limited"]
    return form.format(row[column]) + ("*" if limited else "")


def on_lines(name: str) -> list[str]:
    """A name that is too long, as of a combination of a grid, is on several lines, each of whole parts of it."""
    lines = [""]
    for part in re.split(r"(?<=[.-])", name):
        if lines[-1] and len(lines[-1]) + len(part) > _WIDEST:
            lines.append("")
        lines[-1] += part
    return lines


def _caption(summary: pd.DataFrame) -> str:
    return (
        "load: users, or requests per second offered. req/s: successes in the window that counts; "
        f"{latency_of(summary)}, in ms; *: the client itself was busy. cold: requests that waited for a load. "
        "Little: throughput x mean latency / requests in the system; 1 when every user was always waiting."
        f"{repeats_in_words(summary)}"
    )
