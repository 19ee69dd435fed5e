"""What variants of a benchmark trade against each other: rate, latency, bytes and cost, at each load they share.

A variant that is faster may send more, or cost more. Every figure has a best of its own, and how another stands to
it follows from the intervals of both, which are those between repeats where there are any.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from mmebench.figures.cost import estimate_per_million
from mmebench.figures.metric import BYTES, METRICS, estimate_of, relative_change
from mmebench.figures.repeats import SAME_LOAD
from mmebench.figures.rows import rows_of
from mmebench.figures.stage_changes import FAILURES, difference_of, failed_share, verdict_of
from mmebench.figures.statistics import Estimate

_OF_A_RUN = ["instance_type", "platform", "targets"]
COST = "cost"
_METRICS = {
    "throughput": METRICS["throughput"],
    **{name: METRICS[name] for name in ("p50", "p95", "p99")},
    **BYTES,
}
FIGURES = (*_METRICS, COST, FAILURES)
"""Those that are weighed: ``cost`` is US dollars for a million inferences, where a run has a price; of
``failures``, the share of requests that failed, a change is a difference."""
BEST, LEVEL, WORSE, UNKNOWN = "best", "no difference shown", "worse", "too few to say"
"""How a figure stands: better than that of every other variant by more than chance, or to the best of them."""


class _Load(NamedTuple):
    """Users of a closed loop, or requests a second of an open one; and which time it came."""

    is_rate: bool
    size: float
    time: int


class _Figure(NamedTuple):
    """One figure of one variant at a load."""

    row: dict[str, Any]
    estimate: Estimate


def find_trades(summary: pd.DataFrame) -> pd.DataFrame:
    """One row a load, figure and run; empty unless there are several runs and one of them is a variant.

    Columns: those of a summary that say which run and which load it is, with ``changes``; ``load`` numbers the
    loads from 1 on; ``figure`` (one of :data:`FIGURES`), ``unit``, ``value`` with ``low`` and ``high`` of its 95 %
    confidence interval; ``best``: whose figure is the best; ``change`` against that one with ``change_low`` and
    ``change_high``; and ``standing``: ``best``, ``no difference shown``, ``worse`` or ``too few to say``.

    Args:
        summary: rows of :func:`mmebench.figures.summary.summarise`.
    """
    if "changes" not in summary or not summary["changes"].fillna("").astype(bool).any():
        return pd.DataFrame()
    rows = [
        row
        for number, alike in enumerate(_common_loads(summary), 1)
        for figure in FIGURES
        for row in _weigh(number, figure, alike)
    ]
    return pd.DataFrame(rows)


def _common_loads(summary: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The stages of each load that several runs share, in the order of loads.

    Where a load comes more than once in a run, the first belongs to the first of others, the second to the second.
    """
    groups: dict[_Load, list[dict[str, Any]]] = {}
    for _, stages in summary.groupby(_OF_A_RUN, sort=False):
        seen: Counter[tuple[bool, float]] = Counter()
        for record in rows_of(stages):
            row = {str(name): value for name, value in record.items()}
            size, is_rate = _size_of(row, groups)
            seen[is_rate, size] += 1
            groups.setdefault(_Load(is_rate, size, seen[is_rate, size]), []).append(row)
    return [groups[load] for load in sorted(groups) if len(groups[load]) > 1]


def _size_of(row: Mapping[str, Any], known: Iterable["_Load"]) -> tuple[float, bool]:
    """The load of a stage, and whether it is a rate; one that another run had but for a hair is that one."""
    rate = row["offered_per_s"]
    if pd.isna(rate):
        return float(row["User Count"]), False
    alike = (load.size for load in known if load.is_rate and math.isclose(load.size, rate, rel_tol=SAME_LOAD))
    return next(alike, float(rate)), True


def _weigh(number: int, figure: str, stages: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    figures = [each for stage in stages if (each := _Figure(stage, _estimate(stage, figure))).estimate.value >= 0]
    if not figures:
        return
    lower_is_better = figure in (COST, FAILURES) or _METRICS[figure].lower_is_better
    best = (min if lower_is_better else max)(figures, key=lambda each: each.estimate.value)
    compare = difference_of if figure == FAILURES else relative_change
    changes = [Estimate(0, 0, 0) if each is best else compare(best.estimate, each.estimate) for each in figures]
    verdicts = [verdict_of(change, lower_is_better) for change in changes]
    others = {verdict for each, verdict in zip(figures, verdicts, strict=True) if each is not best}
    for each, change, verdict in zip(figures, changes, verdicts, strict=True):
        yield {
            **{name: each.row.get(name) for name in ("model_name", *_OF_A_RUN, "changes")},
            **{
                name: each.row.get(name) for name in ("User Count", "offered_per_s", "repeats") if name in each.row
            },
            "load": number,
            "figure": figure,
            "unit": "$" if figure == COST else "" if figure == FAILURES else _METRICS[figure].unit,
            "value": each.estimate.value,
            "low": each.estimate.low,
            "high": each.estimate.high,
            "best": f"{best.row['platform']} on {best.row['instance_type']}",
            "change": change.value,
            "change_low": change.low,
            "change_high": change.high,
            "standing": _standing_of_best(others) if each is best else verdict,
        }


def _estimate(row: Mapping[str, Any], figure: str) -> Estimate:
    if figure == COST:
        return estimate_per_million(row)
    return failed_share(row) if figure == FAILURES else estimate_of(row, _METRICS[figure])


def _standing_of_best(others: Collection[str]) -> str:
    """By how the others stand to it."""
    if not others:
        return UNKNOWN
    return next((standing for standing in (LEVEL, UNKNOWN) if standing in others), BEST)
