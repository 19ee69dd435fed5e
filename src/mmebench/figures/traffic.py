"""What a trace is like: how many requests when, how they spread over targets, and what a cache would hit."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.figures.statistics import NAN, Estimate, estimate_of_few

Times = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]

WINDOWS = (1.0, 10.0, 60.0, 600.0)
"""Seconds in which requests are counted, to see whether they come in bursts."""
_LEAST_WINDOWS = 20
_STRETCHES = 20
_LEAST_REQUESTS = 50
"""Of a stretch of time, to say how popularity was in it."""
_STEEPEST = 20.0
LOOKED_AT = 2_000_000
"""Requests, the last ones, by which a cache is judged."""


class Zipf(NamedTuple):
    """The share of the target of rank r is as r to the power of -s."""

    s: Estimate
    """With what it was in twenty stretches of time as interval; NaN bounds where these are too short.

    Ranks are those of the trace itself, so that chance adds to it where requests are few: 100,000 requests for 200
    targets that are all alike come to 0.04.
    """
    off: float
    """How far the cumulative share of the first targets, of any number, is from it at most."""


class Traffic(NamedTuple):
    """All of it. Times are in the unit of the trace, seconds."""

    requests: int
    targets: int
    seconds: float
    mean: float
    """Requests per second."""
    peak: float
    """The same of the busiest minute; NaN of a trace that is shorter."""
    peak_at: float
    """When that began."""
    bin_seconds: float
    rates: Times
    """Requests per second in each bin of so many seconds, from the first request on."""
    counts: Counts
    """Requests for each target, the most first."""
    zipf: Zipf
    once: float
    """Share of targets that are asked for only once."""
    dispersion: dict[float, float]
    """Variance of counts over their mean, by window; 1 where requests know nothing of each other."""
    hits: Times
    """Share of requests that a cache of 1, 2, 3, … targets that evicts the least recently used would hit."""


def describe(times: Times, targets: Codes) -> Traffic:
    """The figures of a trace.

    Args:
        times: of each request, in seconds, in ascending order; at least one.
        targets: what each was for, numbered from 0 without a gap.
    """
    seconds = float(times[-1] - times[0])
    counts = np.bincount(targets)
    order = np.argsort(counts, kind="stable")[::-1]
    per_minute = _counts_in(times, 60.0)
    busiest = int(per_minute.argmax()) if len(per_minute) else 0
    bin_seconds = _bin_of(seconds)
    return Traffic(
        requests=len(times),
        targets=len(counts),
        seconds=seconds,
        mean=len(times) / seconds if seconds > 0 else NAN,
        peak=per_minute[busiest] / 60 if len(per_minute) else NAN,
        peak_at=float(times[0]) + busiest * 60 if len(per_minute) else NAN,
        bin_seconds=bin_seconds,
        rates=_counts_in(times, bin_seconds) / bin_seconds,
        counts=counts[order],
        zipf=_fit(times, targets, counts, order),
        once=float((counts == 1).mean()),
        dispersion={
            window: float(found.var(ddof=1) / found.mean())
            for window in WINDOWS
            if len(found := _counts_in(times, window)) >= _LEAST_WINDOWS
        },
        hits=hit_ratios(targets[-LOOKED_AT:]),
    )


def _counts_in(times: Times, window: float) -> Counts:
    """Requests in each whole window from the first request on."""
    whole = int((times[-1] - times[0]) / window)
    numbers = ((times - times[0]) / window).astype(np.int64)
    return np.bincount(numbers[numbers < whole], minlength=whole)


def _bin_of(seconds: float) -> float:
    """A round one, of which there are some hundred."""
    wanted = max(seconds / 200, 1e-9)
    scale = 10.0 ** math.floor(math.log10(wanted))
    return next(scale * step for step in (1, 2, 5, 10) if scale * step >= wanted)


def _fit(times: Times, targets: Codes, counts: Counts, order: npt.NDArray[np.int64]) -> Zipf:
    """By maximum likelihood, and how far that holds."""
    ranks = np.empty(len(counts), np.int64)
    ranks[order] = np.arange(len(counts))
    logs = np.log(np.arange(1, len(counts) + 1))
    s = _exponent(float(counts[order] @ logs) / len(times), logs)
    shares = np.exp(-s * logs)
    off = np.abs(np.cumsum(counts[order]) / len(times) - np.cumsum(shares) / shares.sum()).max()
    stretches = np.array_split(logs[ranks[targets]], _STRETCHES)
    if len(counts) < 2 or min(map(len, stretches)) < _LEAST_REQUESTS:
        return Zipf(Estimate(s), float(off))
    around = estimate_of_few([_exponent(float(stretch.mean()), logs) for stretch in stretches])
    return Zipf(Estimate(s, around.low + s - around.value, around.high + s - around.value), float(off))


def fit_exponent(counts: Counts) -> float:
    """Zipf's, by maximum likelihood.

    Args:
        counts: requests for each target, in any order.
    """
    ranked = np.sort(counts[counts > 0])[::-1]
    logs = np.log(np.arange(1, len(ranked) + 1))
    return _exponent(float(ranked @ logs) / float(ranked.sum()), logs)


def _exponent(mean_log: float, logs: Times) -> float:
    """That with which the mean logarithm of the rank is this; it falls as the exponent grows."""
    low, high = -_STEEPEST, _STEEPEST
    for _ in range(60):
        middle = (low + high) / 2
        shares = np.exp(-middle * logs - (-middle * logs).max())
        low, high = (middle, high) if float(shares @ logs) / float(shares.sum()) > mean_log else (low, middle)
    return (low + high) / 2


def hit_ratios(targets: Sequence[int] | Codes) -> Times:
    """Share of requests that are hits in a cache of 1, 2, 3, … targets that evicts the least recently used.

    A request is a hit where fewer other targets were asked for since the last one for its own than there is room
    for (Mattson et al., "Evaluation techniques for storage hierarchies", IBM Systems Journal 9, 1970).
    """
    asked = np.asarray(targets, np.int64)
    order = np.lexsort((np.arange(len(asked)), asked))
    before = np.full(len(asked), -1, np.int64)
    same = asked[order[1:]] == asked[order[:-1]]
    before[order[1:][same]] = order[:-1][same]
    # Others since then are requests since then whose own target was last asked for before that. Of all earlier
    # requests, those up to then have that, too.
    distances = (_earlier_below(before) - before - 1)[before >= 0]
    hits = np.bincount(distances, minlength=int(asked.max()) + 1)
    return np.asarray(np.cumsum(hits) / len(asked), np.float64)


def _earlier_below(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many earlier values are no larger than each: counted in a merge sort, block by block."""
    count = len(values)
    ranks = np.empty(count, np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(count)
    place, found = np.arange(count), np.zeros(count, np.int64)
    width = 1
    while width < count:
        pair = place // (2 * width)
        order = np.argsort(pair * count + ranks)
        left = (order // width) % 2 == 0
        smaller = np.cumsum(left)
        starts = np.searchsorted(pair[order], pair[order], side="left")
        smaller -= np.concatenate(([0], smaller))[starts]
        found[order[~left]] += smaller[~left]
        width *= 2
    return found
