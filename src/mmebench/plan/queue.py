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
_FIRST, _MORE = 64, 4
"""So many are looked at first, and so many times more where that does not do."""
_LEFT = 1e-9
_BEYOND = 1e-12
"""Probability of more than were looked at: less than any figure shows."""


def find_occupancy(arrivals: float, rate: Callable[[Floats], Floats], settled: float) -> Floats | None:
    """The probability of finding 0, 1, 2, … there; None where they come faster than they go.

    Args:
        arrivals: per second.
        rate: answers per second of so many together, where there is at least one.
        settled: how many there are from which on more are answered no slower.
    """
    found = find_occupancies(arrivals, lambda counts, station: rate(counts), 1, settled)
    return None if found is None else found[0]


def find_occupancies(
    arrivals: float, rate: Callable[[Floats, Floats], Floats], stations: int, settled: float
) -> list[Floats] | None:
    """The same of several stations, of which each has so many arrivals; None where one does not keep up.

    Args:
        arrivals, settled: as above.
        rate: given numbers of requests, ``[1, n]``, and of stations, ``[m, 1]``; ``[m, n]``, or ``[1, n]`` where
            they are alike.
        stations: how many there are.
    """
    if arrivals <= 0:
        return [np.ones(1)] * stations
    found: list[Floats] = [np.empty(0)] * stations
    pending = np.arange(stations)
    if (arrivals >= rate(np.array([[float(MOST)]]), pending[:, None] * 1.0)).any():
        return None
    most = _FIRST
    while most < settled and most < MOST:
        most *= _MORE
    while len(pending):
        weights, negligible = _weights(arrivals, rate, pending[:, None] * 1.0, most)
        cumulative = weights.cumsum(axis=1)
        if most == MOST:
            if (weights[:, -1] > _LEFT).any():
                return None
            negligible[:] = True
        lengths = np.count_nonzero(cumulative < 1 - _LEFT, axis=1) + 1
        for row in np.flatnonzero(negligible):
            found[pending[row]] = weights[row, : lengths[row]] / cumulative[row, lengths[row] - 1]
        pending = pending[~negligible]
        most *= _MORE
    return found


def _weights(
    arrivals: float, rate: Callable[[Floats, Floats], Floats], stations: Floats, most: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The probabilities of 0, 1, … up to so many at each station, and whether those of more are nothing."""
    rates = np.broadcast_to(rate(np.arange(1, most + 1, dtype=float)[None], stations), (len(stations), most))
    steps = np.zeros((len(stations), most + 1))
    np.cumsum(np.log(arrivals) - np.log(rates), axis=1, out=steps[:, 1:])
    weights = np.exp(steps - steps.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    # Of those beyond, each is at most so much as likely as the one before it.
    falls = arrivals / rates[:, -1]
    return weights, (falls < 1) & (weights[:, -1] * falls <= _BEYOND * (1 - falls))


def mean_of(occupancy: Floats) -> float:
    """How many there are on average."""
    return float(np.arange(len(occupancy)) @ occupancy)
