"""The kinds of models of a fleet in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mmebench.figures.objectives import kind_rows
from mmebench.report.latency import MEAN, latencies_of
from mmebench.units import human_number

_MOST = 5
"""Kinds that a sentence names one by one."""
_OWNS = 0.5
"""Of the slowest answers: the kind that has so many has the tail."""


def serving_in_words(stage: "pd.Series[Any]") -> str:
    """``photos 59/s at p99 90 ms, reviews 25/s at p99 160 ms``; of many kinds the busiest and the slowest.

    Empty where the row is of one model.
    """
    rows = list(kind_rows(stage).values())
    if len(rows) <= _MOST:
        return ", ".join(map(_serving, rows))
    busiest = max(rows, key=lambda row: float(row["Requests/s"]))
    slowest = max(rows, key=lambda row: float(row[MEAN]) if row["Successful Requests"] else 0.0)
    named = [f"{_serving(busiest)} as the busiest"]
    if slowest is not busiest:
        named.append(f"{_serving(slowest)} as the slowest")
    return f"{', '.join(named)}, and {len(rows) - len(named)} more"


def _serving(row: Mapping[Any, Any]) -> str:
    return f"{row['model']} {human_number(row['Requests/s'])}/s{latency_in_words(row)}"


def latency_in_words(row: "Mapping[Any, Any] | pd.Series[Any]") -> str:
    """`` at p99 90 ms``: p99 before p95, p95 before p50; nothing where no answer came."""
    known = latencies_of(row)
    column = max(known, key=lambda column: known[column], default=None)
    return "" if column is None else f" at {known[column]} {human_number(row[column])} ms"


def tail_in_words(stage: "pd.Series[Any]") -> str:
    """Which kind the slowest answers are of, in a sentence; empty where nobody knows, or of one model."""
    rows = [row for row in kind_rows(stage).values() if pd.notna(row["slowest_share"])]
    if not rows:
        return ""
    first = max(rows, key=lambda row: float(row["slowest_share"]))
    share, of_all = first["slowest_share"], first["served_share"]
    if share >= _OWNS:
        return f"Of the slowest 1 % of answers {share:.0%} are of {first['model']}, which has {of_all:.0%} of all."
    return (
        f"The slowest 1 % of answers are of no single model: at most {share:.0%} of one, {first['model']}, which "
        f"has {of_all:.0%} of all."
    )


def fitting_in_words(stage: "pd.Series[Any]") -> str:
    """``12 photos and 6 reviews``, or ``40 kinds of models with 78 targets``.

    What there was, where nobody tried how many fit; empty of one model.
    """
    counts = [
        (str(name), int(row["capacity"] if pd.notna(row.get("capacity")) else row["targets"]))
        for name, row in kind_rows(stage).items()
    ]
    if len(counts) > _MOST:
        return f"{len(counts)} kinds of models with {sum(count for _, count in counts)} targets"
    return listed([f"{count} {name}" for name, count in counts])


def failures_in_words(stage: "Mapping[Any, Any] | pd.Series[Any]") -> str:
    """`` (reviews 12, photos 3)``: which kinds failed requests were of; nothing of one model."""
    failed = sorted(
        (
            (int(row["Failed Requests"]), str(name))
            for name, row in kind_rows(stage).items()
            if row["Failed Requests"]
        ),
        reverse=True,
    )
    return f" ({listed([f'{name} {count}' for count, name in failed])})" if failed else ""


def listed(names: Sequence[str]) -> str:
    """``a, b and c``; of many the first, and how many more."""
    few = names if len(names) <= _MOST else (*names[:_MOST], f"{len(names) - _MOST} more")
    return " and ".join(", ".join(part) for part in (few[:-1], few[-1:]) if part)
