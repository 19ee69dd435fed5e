"""A run that was measured several times: its figures are means, and their intervals those between the repeats.

What differs from one repeat to the next (where the processes landed, what else the machine did) is in these
intervals, where those within one run know nothing of it. A figure's interval is Student's, of the mean over the
repeats; see NIST/SEMATECH, e-Handbook of Statistical Methods, 1.3.5.2.
"""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

import pandas as pd

from mmebench.figures.metric import METRICS
from mmebench.figures.operating_point import loads

MOST = 20
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
)  # fmt: skip
"""The 97.5 % quantiles of Student's distribution, from 1 degree of freedom on (the handbook above, 1.3.6.7.2)."""
_SUMS = ("Successful Requests", "Failed Requests", "cold_starts", "not_started")
_LEAST, _MOST = "Total Min Response Time", "Total Max Response Time"


def over_repeats(repeats: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of the first repeat, with what all of them say of the same load; ``repeats`` is how many did.

    Counts are sums. What is neither a figure with an interval nor a count is the first repeat's.

    Args:
        repeats: the rows of the summary of each; the same load may come several times.
    """
    rows = []
    for (load, number), row in _by_load(repeats[0]).items():
        alike = [found for each in repeats if (found := _by_load(each).get((load, number))) is not None]
        rows.append(row if len(alike) < 2 else row | _together(alike))
        rows[-1]["repeats"] = len(alike)
    return pd.DataFrame(rows, columns=[*repeats[0].columns, "repeats"])


def _by_load(stages: pd.DataFrame) -> dict[tuple[float, int], dict[str, Any]]:
    """Each row by its load, and how often that was there before."""
    found: dict[tuple[float, int], dict[str, Any]] = {}
    for load, row in zip(loads(stages), stages.to_dict("records"), strict=True):
        number = 0
        while (float(load), number) in found:
            number += 1
        found[float(load), number] = {str(key): value for key, value in row.items()}
    return found


def _together(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for metric in METRICS.values():
        values = [float(row[metric.column]) for row in rows if pd.notna(row.get(metric.column))]
        if len(values) < len(rows):  # nobody knows it of all of them
            joined |= dict.fromkeys((metric.column, metric.low, metric.high), float("nan"))
            continue
        middle = mean(values)
        half = _STUDENT[min(len(values) - 2, len(_STUDENT) - 1)] * stdev(values) / len(values) ** 0.5
        joined |= {metric.column: middle, metric.low: middle - half, metric.high: middle + half}
    for column in _SUMS:
        counts = [row[column] for row in rows if pd.notna(row.get(column))]
        if len(counts) == len(rows):
            joined[column] = sum(counts)
    for column, choose in ((_LEAST, min), (_MOST, max)):
        joined[column] = choose(row[column] for row in rows)
    return joined
