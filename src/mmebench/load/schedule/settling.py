"""From where on the figures of a stage count, found in its answers, and whether they are precise enough.

Answers are counted in short stretches of time. Of those at the start as many are left out as leave the mean of
the rest known best, by the marginal standard error (MSER; White, "An effective truncation heuristic for bias
reduction in simulation output", Simulation 69, 1997): what is still warming up differs from all that follows, and
widens the interval of the mean; each stretch that is left out for nothing widens it as well. Where that would
leave out half of them or more, the stage has not settled yet.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mmebench.figures.statistics import Estimate

Numbers = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]

_STRETCHES = (20, 100)
"""The answers are counted in at least and at most so many equal ones."""
_SHORTEST_NS = 2_000_000_000
"""What counts is at least this long."""
_FEWEST = 5
"""Answers that half a stretch has, on average."""
_TOLERANCE = 0.1
"""The two halves of what counts may differ by so much, as a share, in throughput and in mean latency."""


def settled_from(end_ns: Numbers, latency_ns: Numbers, began_ns: int, until_ns: int) -> int | None:
    """From when on a stage counts; None while it has not settled.

    Args:
        end_ns: when each success was answered, ascending.
        latency_ns: how long it took.
        began_ns: when all users had started.
        until_ns: up to when all answers are known.
    """
    stretches = min(len(end_ns) // (2 * _FEWEST), _STRETCHES[1])
    if until_ns - began_ns < _SHORTEST_NS or stretches < _STRETCHES[0]:
        return None
    edges = np.linspace(began_ns, until_ns, stretches + 1)
    places = np.searchsorted(end_ns, edges)
    counts = np.diff(places).astype(float)
    if not counts.all():
        return None
    sums = np.concatenate([[0.0], np.cumsum(latency_ns, dtype=float)])
    means = np.diff(sums[places]) / counts
    start = _truncation(means)
    if start >= stretches // 2 or until_ns - edges[start] < _SHORTEST_NS:
        return None
    if not (_is_level(counts[start:]) and _is_level(means[start:])):
        return None
    return int(edges[start])


def is_precise(estimates: Sequence[Estimate], precision: float) -> bool:
    """Whether each interval is known, and half of it no wider than this share of its figure."""
    return all(
        math.isfinite(each.high - each.low) and each.high - each.low <= 2 * precision * each.value
        for each in estimates
    )


def _truncation(values: _Floats) -> int:
    """How many of the first values are better left out, of half of them at most."""
    errors = [values[start:].var() / (len(values) - start) for start in range(len(values) // 2 + 1)]
    return int(np.argmin(errors))


def _is_level(values: _Floats) -> bool:
    half = len(values) // 2
    first, last = values[:half].mean(), values[-half:].mean()
    return bool(abs(first - last) <= _TOLERANCE * (first + last) / 2)
