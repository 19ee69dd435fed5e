"""A run that was measured several times: its figures are means, and their intervals those between the repeats.

What differs from one repeat to the next (where the processes landed, what else the machine did) is in these
intervals, where those within one run know nothing of it. A figure's interval is Student's, of the mean over the
repeats; see NIST/SEMATECH, e-Handbook of Statistical Methods, 1.3.5.2.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from statistics import mean
from typing import Any

import pandas as pd

from mmebench.figures.cost import PER_MILLION, per_million
from mmebench.figures.failures import Failures, count_failed
from mmebench.figures.metric import BYTES, METRICS
from mmebench.figures.objectives import BY_MODEL, kind_rows
from mmebench.figures.operating_point import loads
from mmebench.figures.rows import rows_of
from mmebench.figures.statistics import NAN, Estimate, estimate_of_few

_SUMS = (
    "Successful Requests",
    "Failed Requests",
    "cold_starts",
    "not_started",
    *(field.name for field in fields(Failures)),
)
_MEANS = (
    "goodput_per_s", "goodput_share", "littles_law", "achieved_over_offered", "fairness_targets", "fairness_kinds",
    "first_byte_p50_ms", "first_byte_p99_ms", "cold_p50_ms", "cold_p99_ms", "warm_p50_ms", "warm_p99_ms",
    "request_bytes_per_s", "response_bytes_per_s", "gpu_power_w", "joules_per_inference",
    "client_ms", "loading_ms", "router_ms", "container_ms", "queue_ms", "compute_ms",
    "requests_share", "served_share", "slowest_share", "busy_share", "slowdown",
)  # fmt: skip
_ANY = ("client_limited", "machine_limited", "cold_inferred")
FAILED_SHARE = ("failed_share", "failed_share_low", "failed_share_high")
"""The share of requests that failed, or were due and never started; only of rows over repeats."""
SAME_LOAD = 0.01
"""By what share rates may differ that are one load: what was offered is counted over a window."""
_LEAST, _MOST = "Total Min Response Time", "Total Max Response Time"


def over_repeats(repeats: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of the first repeat, with what all of them say of the same load; ``repeats`` is how many did.

    Counts are sums, and what was said of one repeat is said of all. What is none of these is the first repeat's.
    The rows of a fleet's kinds of models are put together in the same way, each with its namesakes.

    Args:
        repeats: the rows of the summary of each, in the order of the stages.
    """
    rows = []
    stages, *others = map(_rows, repeats)
    for number, row in enumerate(stages):
        found = (_alike(row, number, other) for other in others)
        rows.append(_over([row, *(stage for stage in found if stage is not None)]))
    further = FAILED_SHARE if any(row["repeats"] > 1 for row in rows) else ()
    return pd.DataFrame(rows, columns=[*repeats[0].columns, *further, "repeats"])


def _rows(stages: pd.DataFrame) -> list[dict[str, Any]]:
    """With the load of each as ``load``, which is no column."""
    rows = rows_of(stages.assign(load=loads(stages)))
    return [{str(key): value for key, value in row.items()} for row in rows]


def _alike(row: dict[str, Any], number: int, others: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The stage of another repeat with the same load: the one of the same number, or of a search any.

    What was offered is counted over a window, whose length differs by a little.
    """

    def same(other: dict[str, Any]) -> bool:
        return math.isclose(other["load"], row["load"], rel_tol=SAME_LOAD)

    if number < len(others) and same(others[number]):
        return others[number]
    return next(filter(same, others), None)


def _over(rows: Sequence[Mapping[Any, Any]]) -> dict[Any, Any]:
    """One row of several of the same load."""
    joined = {**rows[0], **(_together(rows) if len(rows) > 1 else {}), "repeats": len(rows)}
    kinds = [kind_rows(row) for row in rows]
    if kinds[0]:
        joined[BY_MODEL] = {name: _over([each[name] for each in kinds if name in each]) for name in kinds[0]}
    return joined


def _together(rows: Sequence[Mapping[Any, Any]]) -> dict[Any, Any]:
    """What several rows say together; what one of them does not know is not known."""
    joined: dict[Any, Any] = {}
    for metric in (*METRICS.values(), *BYTES.values()):
        joined |= zip((metric.column, metric.low, metric.high), _between(_known(rows, metric.column)), strict=True)
    joined |= zip(FAILED_SHARE, _between([_failed_share(row) for row in rows]), strict=True)
    for column in _SUMS:
        counts = [row[column] for row in rows if pd.notna(row.get(column))]
        if len(counts) == len(rows):
            joined[column] = sum(counts)
    for column, choose in ((_LEAST, min), (_MOST, max)):
        joined[column] = choose((row[column] for row in rows if pd.notna(row[column])), default=NAN)
    joined |= {column: mean(_known(rows, column)) for column in _MEANS if column in rows[0]}
    for column in _ANY:
        if any(pd.notna(row.get(column)) and row[column] for row in rows):
            joined[column] = True
    if PER_MILLION in rows[0]:  # by the rate over all of them, and of a kind of model for its share of the time
        paid = mean(_known(rows, "usd_per_hour")) * joined.get("busy_share", 1.0)
        joined[PER_MILLION] = per_million(paid, joined["Requests/s"])
    return joined


def _known(rows: Sequence[Mapping[Any, Any]], column: str) -> list[float]:
    """The figure of each; NaN where nobody knows it."""
    figures = (row.get(column) for row in rows)
    return [NAN if pd.isna(figure) else float(figure) for figure in figures]


def _between(values: Sequence[float]) -> Estimate:
    """The mean of at least two figures, none of which can be below 0, with Student's interval; NaN if one is."""
    if any(map(math.isnan, values)):
        return Estimate()
    found = estimate_of_few(values)
    return found._replace(low=max(found.low, 0.0))


def _failed_share(row: Mapping[Any, Any]) -> float:
    failed = count_failed(row)
    requests = failed + int(row["Successful Requests"])
    return failed / requests if requests else NAN
