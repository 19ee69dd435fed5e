"""Two sides, stage by stage: which stages belong together, what changed, and whether that is more than chance.

A change of a latency or a rate is a ratio, as :mod:`mmebench.figures.metric` has it. A change of the share of
failures is a difference, by the same method from Wilson's intervals, which is Newcombe's (Statistics in Medicine
17, 1998).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mmebench.figures.failures import count_failed
from mmebench.figures.metric import METRICS, estimate_of, relative_change
from mmebench.figures.objectives import kind_rows
from mmebench.figures.repeats import FAILED_SHARE
from mmebench.figures.side import Side
from mmebench.figures.statistics import NAN, Estimate
from mmebench.record.run import StageWindow

_NORMAL = 1.959964
"""The 97.5 % quantile of the standard normal distribution."""


FAILURES = "failures"
"""The share of requests that failed; compared as a difference, not as a ratio."""


@dataclass(frozen=True)
class Change:
    """What became of one figure of a stage."""

    metric: str
    unit: str
    before: float
    after: float
    change: Estimate
    """``after / before - 1``, or for the share of failures ``after - before``."""
    lower_is_better: bool

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, ``no difference shown`` or ``too few to say``."""
        return verdict_of(self.change, self.lower_is_better)


def verdict_of(change: Estimate, lower_is_better: bool) -> str:
    """As :attr:`Change.verdict` has it."""
    if math.isnan(change.low) or math.isnan(change.high):
        return "too few to say"
    if change.low <= 0 <= change.high:
        return "no difference shown"
    return "better" if (change.value < 0) == lower_is_better else "worse"


@dataclass(frozen=True)
class StageChange:
    """The same load, before and after."""

    load: str
    """As it was asked for: ``4 users``, ``50/s``; where it was before in this run, ``4 users (2)``."""
    changes: tuple[Change, ...]
    model: str | None = None
    """Of a fleet: which kind of model alone; None of all together."""

    @property
    def name(self) -> str:
        """``4 users`` or ``4 users, photos``."""
        return self.load if self.model is None else f"{self.load}, {self.model}"


def compare_stages(before: Side, after: Side) -> list[StageChange]:
    """The stages of the same load, in the order of the first; those without a partner are left out.

    Where a load comes more than once, the first belongs to the first, the second to the second. Of fleets, the
    kinds of models that both have follow, each with its namesake.
    """
    others = dict(loads_of(after))
    return [
        change for load, row in loads_of(before) if load in others for change in _compare(load, row, others[load])
    ]


def _compare(load: str, before: "pd.Series[Any]", after: "pd.Series[Any]") -> Iterator[StageChange]:
    yield StageChange(load, compare_rows(before, after))
    others = kind_rows(after)
    for name, row in kind_rows(before).items():
        if name in others:
            yield StageChange(load, compare_rows(pd.Series(row), pd.Series(others[name])), name)


def loads_of(side: Side) -> Iterator[tuple[str, "pd.Series[Any]"]]:
    """Each row, and the load that was asked for, told apart from the same load before."""
    seen: Counter[str] = Counter()
    for window, (_, row) in zip(_windows(side), side.rows.iterrows(), strict=True):
        rate = None if window is None else window.rate
        load = f"{row['User Count']:.0f} users" if rate is None else f"{rate:g}/s"
        seen[load] += 1
        yield load if seen[load] == 1 else f"{load} ({seen[load]})", row


def _windows(side: Side) -> tuple[StageWindow | None, ...]:
    """Of each row; none are known of rows from Locust's history, which need not be the stages of the record."""
    if side.run is None or "samples" not in set(side.rows.get("basis", ())):
        return (None,) * len(side.rows)
    return side.run.stages


def compare_rows(before: "pd.Series[Any]", after: "pd.Series[Any]") -> tuple[Change, ...]:
    """All metrics that both rows know."""
    changes = []
    for metric in METRICS.values():
        first, second = (estimate_of(row, metric) for row in (before, after))
        if not (math.isnan(first.value) or math.isnan(second.value)):
            changes.append(
                Change(
                    metric.label,
                    metric.unit,
                    first.value,
                    second.value,
                    relative_change(first, second),
                    metric.lower_is_better,
                )
            )
    shares = [failed_share(row) for row in (before, after)]
    changes.append(
        Change(FAILURES, "", shares[0].value, shares[1].value, difference_of(*shares), lower_is_better=True)
    )
    return tuple(changes)


def failed_share(row: "Mapping[Any, Any] | pd.Series[Any]") -> Estimate:
    """The share of requests that failed, with Wilson's interval.

    Over repeats it is the mean of theirs, and the interval holds also the one between them: requests of a run fail
    together, so that counts alone would call chance a difference; and where all repeats have the same few
    failures, counts know better how little that says.
    """
    counted = _counted(row)
    between = Estimate(*(float(row.get(column, NAN)) for column in FAILED_SHARE))
    if math.isnan(between.value) or math.isnan(counted.value):
        return counted
    return Estimate(between.value, min(between.low, counted.low), max(between.high, counted.high))


def _counted(row: "Mapping[Any, Any] | pd.Series[Any]") -> Estimate:
    failed = count_failed(row)
    count = failed + int(row["Successful Requests"])
    if not count:
        return Estimate()
    share, z2 = failed / count, _NORMAL**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _NORMAL / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return Estimate(share, centre - half, centre + half)


def difference_of(before: Estimate, after: Estimate) -> Estimate:
    """``after - before`` of two shares, with its interval."""
    value = after.value - before.value
    down = math.hypot(after.value - after.low, before.high - before.value)
    up = math.hypot(after.high - after.value, before.value - before.low)
    return Estimate(value, value - down, value + up)
