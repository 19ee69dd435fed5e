"""A run that was measured several times: its figures are means, and their intervals those between the repeats.

What differs from one repeat to the next (where the processes landed, what else the machine did) is in these
intervals, where those within one run know nothing of it. A figure's interval is Student's, of the mean over the
repeats; see NIST/SEMATECH, e-Handbook of Statistical Methods, 1.3.5.2.
"""

import math
from collections.abc import Sequence
from dataclasses import fields
from statistics import mean, stdev
from typing import Any

import pandas as pd

from mmebench.figures.failures import Failures
from mmebench.figures.metric import METRICS
from mmebench.figures.operating_point import loads

_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
)  # fmt: skip
"""The 97.5 % quantiles of Student's distribution, from 1 degree of freedom on (the handbook above, 1.3.6.7.2)."""
_SUMS = (
    "Successful Requests",
    "Failed Requests",
    "cold_starts",
    "not_started",
    *(field.name for field in fields(Failures)),
)
_MEANS = ("goodput_per_s", "goodput_share", "littles_law")
_ANY = ("client_limited", "machine_limited", "cold_inferred")
_SAME_LOAD = 0.01
_LEAST, _MOST = "Total Min Response Time", "Total Max Response Time"


def over_repeats(repeats: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of the first repeat, with what all of them say of the same load; ``repeats`` is how many did.

    Counts are sums, and what was said of one repeat is said of all. What is none of these is the first repeat's.

    Args:
        repeats: the rows of the summary of each, in the order of the stages.
    """
    rows = []
    stages, *others = map(_rows, repeats)
    for number, row in enumerate(stages):
        found = (_alike(row, number, other) for other in others)
        alike = [row, *(stage for stage in found if stage is not None)]
        rows.append(row | (_together(alike) if len(alike) > 1 else {}) | {"repeats": len(alike)})
    return pd.DataFrame(rows, columns=[*repeats[0].columns, "repeats"])


def _rows(stages: pd.DataFrame) -> list[dict[str, Any]]:
    """With the load of each as ``load``, which is no column."""
    rows = stages.assign(load=loads(stages)).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def _alike(row: dict[str, Any], number: int, others: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The stage of another repeat with the same load: the one of the same number, or of a search any.

    What was offered is counted over a window, whose length differs by a little.
    """

    def same(other: dict[str, Any]) -> bool:
        return math.isclose(other["load"], row["load"], rel_tol=_SAME_LOAD)

    if number < len(others) and same(others[number]):
        return others[number]
    return next(filter(same, others), None)


def _together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for metric in METRICS.values():
        values = [float(row[metric.column]) for row in rows if pd.notna(row.get(metric.column))]
        if len(values) < len(rows):  # nobody knows it of all of them
            joined |= dict.fromkeys((metric.column, metric.low, metric.high), float("nan"))
            continue
        middle = mean(values)
        half = _STUDENT[min(len(values) - 2, len(_STUDENT) - 1)] * stdev(values) / len(values) ** 0.5
        joined |= {metric.column: middle, metric.low: max(middle - half, 0.0), metric.high: middle + half}
    for column in _SUMS:
        counts = [row[column] for row in rows if pd.notna(row.get(column))]
        if len(counts) == len(rows):
            joined[column] = sum(counts)
    for column, choose in ((_LEAST, min), (_MOST, max)):
        joined[column] = choose(row[column] for row in rows)
    for column in _MEANS:
        known = [row[column] for row in rows if pd.notna(row.get(column))]
        if len(known) == len(rows):
            joined[column] = mean(known)
    for column in _ANY:
        if any(pd.notna(row.get(column)) and row[column] for row in rows):
            joined[column] = True
    return joined
