"""The summary as a table for the terminal."""

import pandas as pd
from rich.table import Table

_FIGURES = (
    ("User Count", "users", "{:.0f}"),
    ("Requests/s", "requests/s", "{:.1f}"),
    ("Total Average Response Time", "mean ms", "{:.0f}"),
    ("Total Median Response Time", "p50 ms", "{:.0f}"),
    ("p95", "p95 ms", "{:.0f}"),
    ("p99", "p99 ms", "{:.0f}"),
    ("Successful Requests", "ok", "{:.0f}"),
    ("Failed Requests", "failed", "{:.0f}"),
    ("cold_starts", "cold", "{:.0f}"),
    ("littles_law", "Little", "{:.2f}"),
)


def summary_table(summary: pd.DataFrame) -> Table:
    """One line a stage, runs set apart; an empty cell is a figure that the samples cannot carry."""
    table = Table(title=f"{summary['model_name'].iloc[0]}", caption=_CAPTION, caption_justify="left")
    table.add_column("instance type")
    table.add_column("platform")
    table.add_column("models", justify="right")
    for _, title, _ in _FIGURES:
        table.add_column(title, justify="right")
    for _, stages in summary.groupby(["instance_type", "platform", "targets"], sort=False):
        for number, (_, row) in enumerate(stages.iterrows()):
            run = (
                (row["instance_type"], row["platform"], f"{row['max_models_loaded']}")
                if number == 0
                else ("", "", "")
            )
            figures = ["" if pd.isna(row[column]) else form.format(row[column]) for column, _, form in _FIGURES]
            table.add_row(*run, *figures, end_section=number == len(stages) - 1)
    return table


_CAPTION = (
    "requests/s and latency: successes in the window that counts; cold: requests that waited for a load; "
    "Little: throughput x mean latency / users, 1 when every user was always waiting"
)
