"""Which way to host, in words: a table for the terminal, and what it comes to."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from mmebench.figures.rows import rows_of
from mmebench.report.operating_points import describe_load
from mmebench.report.words.table import narrow_table
from mmebench.units import human_seconds

TITLE = "Which way to host"
CALLED = {
    "multi-model": "a multi-model endpoint",
    "components": "inference components",
    "single": "an endpoint a model",
}
_STANDING = {"held": " ✓", "missed": " ✗", "unknown": " ?"}


def hosting_table(hostings: pd.DataFrame) -> Table | None:
    """One line a way, in 80 columns; None where there is one way only."""
    if hostings.empty:
        return None
    table = narrow_table(f"which way to host, at {describe_load(hostings.iloc[0])}", explain(hostings))
    table.add_column("hosting", no_wrap=True)
    for title in ("targets", "fit", "p50", "p99", "cold", "req/s", "instances", "$/month"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows_of(hostings):
        table.add_row(
            str(row["hosting"]),
            f"{row['served']} of {row['all']}",
            f"{row['fits']}",
            _milliseconds(row["p50_ms"]),
            f"{_milliseconds(row['p99_ms'])}{_STANDING.get(str(row['standing']), '')}",
            "" if pd.isna(row["cold_share"]) else f"{row['cold_share']:.1%}",
            f"{row['requests_per_s']:.1f}",
            f"{row['instances']}",
            "" if pd.isna(row["usd_per_month"]) else f"{row['usd_per_month']:,.0f}",
        )
    return table


def explain(hostings: pd.DataFrame) -> str:
    """What is measured there and what is computed."""
    judged = ""
    if hostings["standing"].notna().any():
        judged = " ✓, ✗, ?: the objectives are held, missed, or nobody can say."
    return (
        "Measured: latency (ms), cold starts and requests/s, of the targets that were there. Computed: instances "
        f"that all targets take, by how many fit on one, and their cost.{judged}"
    )


def hostings_in_words(hostings: pd.DataFrame) -> list[str]:
    """What the cheapest is, of those that hold the objectives, and what others cost beside it."""
    if hostings.empty:
        return []
    rows = rows_of(hostings)
    good = [row for row in rows if row["standing"] != "missed"] or rows
    best = min(good, key=lambda row: row["instances"])
    told = [f"{CALLED[row['hosting']]} {_takes(row)}" for row in rows]
    held = " of those that hold the objectives" if len(good) < len(rows) else ""
    return [
        f"Hosting {best['all']} targets at {describe_load(hostings.iloc[0])}: {'; '.join(told)}. "
        f"Fewest instances{held}: {CALLED[best['hosting']]}. From how much traffic on that changes is computed: "
        "mmebench plan … --what-if hosting."
    ]


def _takes(row: Mapping[Any, Any]) -> str:
    count = row["instances"]
    dollars = row["usd_per_month"]
    cost = "" if pd.isna(dollars) else f", ${dollars:,.0f} a month"
    cold = row["cold_share"]
    starts = "" if pd.isna(cold) else f", {cold:.0%} cold starts"
    if pd.notna(row["p99_ms"]):
        latency = f"p99 {human_seconds(row['p99_ms'] / 1e3)}"
    elif pd.notna(row["p50_ms"]):
        latency = f"median {human_seconds(row['p50_ms'] / 1e3)} (too few answers for p99)"
    else:
        latency = "nothing answered"
    return f"{count} instance{'' if count == 1 else 's'}{cost}, {latency}{starts}"


def _milliseconds(value: Any) -> str:
    if pd.isna(value):
        return ""
    number = float(value)
    return f"{number:.0f}" if number >= 9.95 else f"{number:.2g}"
