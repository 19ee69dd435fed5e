"""Estimators: means and percentiles of one stage's figures, with 95 % confidence intervals.

Answers that follow each other are not independent: they waited in the same queue. An interval that takes them for
independent is too narrow, often by several times. Both intervals here therefore come from batches (Schmeiser,
"Batch size effects in the analysis of simulation output", Operations Research 30, 1982): the values, in the order
in which they came, are cut into 20 stretches; stretches that are long against the memory of the queue are as good
as independent, and their spread says how much the whole may be off. No interval is given that is narrower than
for independent values.

A moving-block bootstrap would give about the same and cost thousands of times more; batches need one pass, no
random numbers, and serve 10 million values as well as 100.
"""

import math
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

NAN = math.nan

BATCHES = 20
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
)  # fmt: skip
"""The 97.5 % quantiles of Student's distribution, from 1 degree of freedom on (NIST/SEMATECH, e-Handbook of
Statistical Methods, 1.3.6.7.2)."""
_STUDENT_T = _STUDENT[BATCHES - 2]
"""That with BATCHES - 1 degrees of freedom."""
_SLOPE_T = 2.1009
"""The same with BATCHES - 2."""

Values = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure and the bounds of its 95 % confidence interval, in the unit of the values; NaN: not known."""

    value: float = NAN
    low: float = NAN
    high: float = NAN

    def scaled(self, factor: float) -> "Estimate":
        """The same in another unit."""
        return Estimate(*(factor * figure for figure in self))


def estimate_mean(values: Values) -> Estimate:
    """The mean, and its interval by batch means; ``values`` in the order in which they came.

    With fewer than two values a batch there is no interval.
    """
    if not len(values):
        return Estimate()
    mean = float(values.mean())
    batches = _batches(values)
    if batches is None:
        return Estimate(mean)
    variance = max(_variance_of_mean(batches.mean(axis=1)), float(values.var(ddof=1)) / len(values))
    half = _STUDENT_T * math.sqrt(variance)
    return Estimate(mean, mean - half, mean + half)


def estimate_of_few(values: Sequence[float]) -> Estimate:
    """The mean of at least two independent values, and Student's interval of it (the handbook above, 1.3.5.2)."""
    middle = mean(values)
    half = _STUDENT[min(len(values) - 2, len(_STUDENT) - 1)] * stdev(values) / len(values) ** 0.5
    return Estimate(middle, middle - half, middle + half)


def estimate_from_sums(total: float, squares: float, count: int) -> Estimate:
    """The mean of independent values, and its interval, from their sum and that of their squares.

    With fewer than 20 values there is no interval. That of values that are all the same has no width.
    """
    if not count:
        return Estimate()
    mean = total / count
    if count < BATCHES:
        return Estimate(mean)
    variance = max(squares / count - mean**2, 0.0) / (count - 1)
    half = _STUDENT_T * math.sqrt(variance)
    return Estimate(mean, mean - half, mean + half)


def estimate_rate(times: Values, start: float, end: float) -> Estimate:
    """Events per unit of time, and its interval from how their number differs between 20 stretches of the window.

    ``times`` are ascending, in the unit of ``start`` and ``end``. With fewer than two a stretch there is no
    interval.
    """
    if end <= start:
        return Estimate()
    counts = np.diff(np.searchsorted(times, np.linspace(start, end, BATCHES + 1)))
    rate = float(counts.sum()) / (end - start)
    if counts.sum() < 2 * BATCHES:
        return Estimate(rate)
    half = _STUDENT_T * math.sqrt(_variance_of_mean(counts.astype(float))) * BATCHES / (end - start)
    return Estimate(rate, rate - half, rate + half)


def estimate_slope(at: Values, values: Values) -> Estimate:
    """By how much the values grow with ``at``, and the interval of that; both in the order in which they came.

    A line through the means of 20 stretches, by least squares; with fewer values than stretches there is no
    interval. Values that do not change at all have a slope of 0, which is known exactly.
    """
    size = len(values) // BATCHES
    if size < 1:
        return Estimate(_fit(at, values)[0]) if len(values) > 1 else Estimate()
    x, y = (column[: BATCHES * size].reshape(BATCHES, size).mean(axis=1) for column in (at, values))
    slope, rest, spread = _fit(x, y)
    half = _SLOPE_T * math.sqrt(rest / (BATCHES - 2) / spread)
    return Estimate(slope, slope - half, slope + half)


def _fit(x: Values, y: Values) -> tuple[float, float, float]:
    """The slope of a line, the sum of the squares that it leaves, and that of ``x`` around its mean."""
    centred = x - x.mean()
    spread = float((centred * centred).sum())
    slope = float((centred * y).sum()) / spread
    return slope, float(((y - y.mean() - slope * centred) ** 2).sum()), spread


def observed_percentiles(values: Values, shares: Sequence[float]) -> list[float]:
    """The percentiles at ``shares`` of any number of values but 0: of few, a high one is the largest.

    For what changes from second to second; figures that a decision rests on are :func:`find_percentiles`'. For
    each share the smallest value that at least this share do not exceed. Leaves the values in another order.
    """
    ranks = [_rank(len(values), share) for share in shares]
    _order(values, ranks)
    return _at_ranks(values, ranks)


def find_percentiles(values: Values, shares: Sequence[float]) -> list[float]:
    """The percentiles at ``shares``, exact: for each the smallest value that at least this share do not exceed.

    An observed value, never interpolated. NaN where fewer than one value would lie above it: p99 of 71 values
    would only be their maximum. Leaves the values in another order: of millions it makes no copy.
    """
    ranks = [_carried_rank(len(values), share) for share in shares]
    _order(values, ranks)
    return _at_ranks(values, ranks)


def find_percentiles_of_groups(
    values: npt.NDArray[np.int64], groups: npt.NDArray[np.integer[Any]], count: int, shares: Sequence[float]
) -> npt.NDArray[np.float64]:
    """The same of many groups at once: a row a group, a column a share.

    Args:
        values: not negative.
        groups: the number of each value's group.
        count: of groups.
        shares: as :func:`find_percentiles` takes them.
    """
    sizes = np.bincount(groups, minlength=count)
    bits = int(values.max()).bit_length() if len(values) else 0
    if count.bit_length() + bits < 64:  # as one number, which sorts several times faster than two
        ordered = groups.astype(np.int64)
        ordered <<= bits
        ordered |= values
        ordered.sort()
        ordered &= (1 << bits) - 1
    else:
        ordered = values[np.lexsort((values, groups))]
    first = np.cumsum(sizes) - sizes
    found = np.full((count, len(shares)), NAN)
    for column, share in enumerate(shares):
        known = sizes >= lacking(0, share)
        ranks = np.maximum(np.ceil(sizes[known] * share - 1e-9).astype(np.int64) - 1, 0)
        found[known, column] = ordered[first[known] + ranks]
    return found


def estimate_percentiles(values: Values, shares: Sequence[float]) -> list[Estimate]:
    """Percentiles as :func:`find_percentiles` has them, with intervals; ``values`` in the order they came in.

    The interval is Woodruff's ("Confidence intervals for medians and other position measures", JASA 47, 1952),
    which turns an interval for the share of values up to the percentile into one for the percentile itself: the
    values at the ranks that belong to ``share ± half``. How far the share may be off is learnt from batches. A
    bound whose rank lies outside the values is NaN. Nothing is assumed of the distribution, which for latencies
    may have two humps and a long tail, and the interval need not be symmetric.
    """
    count, batches = len(values), _batches(values)
    ranks = [_carried_rank(count, share) for share in shares]
    ordered = values.copy()
    _order(ordered, ranks)
    percentiles = _at_ranks(ordered, ranks)
    if batches is None:
        return [Estimate(percentile) for percentile in percentiles]
    lows: list[int | None] = []
    highs: list[int | None] = []
    for share, rank, percentile in zip(shares, ranks, percentiles, strict=True):
        up_to = np.count_nonzero(batches <= percentile, axis=1) / batches.shape[1]
        half = _STUDENT_T * math.sqrt(max(_variance_of_mean(up_to), share * (1 - share) / count))
        low, high = math.floor(count * (share - half)) - 1, math.ceil(count * (share + half))
        lows.append(low if rank is not None and low >= 0 else None)
        highs.append(high if rank is not None and high < count else None)
    # What is in its place stays there only if it is asked for again; to begin from it halves the work.
    _order(ordered, [*ranks, *lows, *highs])
    return list(map(Estimate, percentiles, _at_ranks(ordered, lows), _at_ranks(ordered, highs)))


def _order(values: Values, ranks: Sequence[int | None]) -> None:
    """Move the value of each rank, from 0, to where it is when all are sorted; sort no more than that takes."""
    known = sorted({rank for rank in ranks if rank is not None})
    if known:
        values.partition(known)


def _at_ranks(ordered: Values, ranks: Sequence[int | None]) -> list[float]:
    return [NAN if rank is None else float(ordered[rank]) for rank in ranks]


def _carried_rank(count: int, share: float) -> int | None:
    """Where the percentile is among the ordered values, from 0; None where they cannot carry it."""
    return None if share >= 1 or lacking(count, share) else _rank(count, share)


def lacking(count: int, share: float) -> int:
    """How many more values it takes for the percentile at ``share``, so that one is above it; 0: it is carried."""
    return max(math.ceil(1 / (1 - share) - 1e-9) - count, 0)


def _rank(count: int, share: float) -> int:
    return max(math.ceil(count * share - 1e-9) - 1, 0)  # the share of 0 belongs to the smallest


def _batches(values: Values) -> Values | None:
    """A row a batch, without a copy; up to 19 values at the end are left out. None: fewer than two values each."""
    size = len(values) // BATCHES
    return values[: BATCHES * size].reshape(BATCHES, size) if size >= 2 else None


def _variance_of_mean(figures: npt.NDArray[np.float64]) -> float:
    """Variance of the mean of figures that are independent."""
    return float(figures.var(ddof=1)) / len(figures)
