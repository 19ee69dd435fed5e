"""Queues at a station whose speed depends on how many are there, computed.

Requests that come at random to a station that shares its speed among those there find n others with a probability
that depends on the mean of their work only, whatever its distribution (Kelly, "Reversibility and Stochastic
Networks", 1979, on symmetric queues). So service times are taken as they were measured.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST = 4096
"""Requests from which on a queue counts as one that grows without end."""
_LEFT = 1e-9


def find_occupancy(arrivals: float, rate: Callable[[Floats], Floats]) -> Floats | None:
    """The probability of finding 0, 1, 2, … there; None where they come faster than they go.

    Args:
        arrivals: per second.
        rate: answers per second of so many together, where there is at least one; beyond some number it stays.
    """
    if arrivals <= 0:
        return np.ones(1)
    rates = rate(np.arange(1, MOST + 1, dtype=float))
    if arrivals >= rates[-1]:
        return None
    steps = np.concatenate([[0.0], np.cumsum(np.log(arrivals) - np.log(rates))])
    weights = np.exp(steps - steps.max())
    found = weights / weights.sum()
    if found[-1] > _LEFT:
        return None
    last = int(np.searchsorted(np.cumsum(found), 1 - _LEFT)) + 1
    found = found[:last]
    return np.asarray(found / found.sum(), np.float64)


def mean_of(occupancy: Floats) -> float:
    """How many there are on average."""
    return float(np.arange(len(occupancy)) @ occupancy)
