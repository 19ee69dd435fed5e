"""Throughput over the number of users as a law, for what lies between the loads that were measured.

Gunther's universal scalability law ("Guerrilla Capacity Planning", Springer, 2007): of N users, each would get the
rate of one, less for what they wait for each other (contention) and for what each costs all others (coherence).
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FEWEST_LOADS = 4
"""Three tell three figures exactly, and not how well they do."""
_FARTHEST = 0.1
"""A law from which a load is farther than this share of it is none of theirs."""


class Scalability(NamedTuple):
    """X(N) = rate * N / (1 + contention * (N - 1) + coherence * N * (N - 1))."""

    rate: float
    """Successes a second that one user gets."""
    contention: float
    coherence: float

    def at(self, users: npt.ArrayLike) -> Floats:
        """Successes a second that so many get."""
        count = np.asarray(users, float)
        rates: Floats = (
            self.rate * count / (1 + self.contention * (count - 1) + self.coherence * count * (count - 1))
        )
        return rates


def fit_scalability(users: npt.ArrayLike, rates: npt.ArrayLike) -> Scalability | None:
    """The law that is nearest to these loads, by the shares that they are off.

    N / X is linear in its figures, none of which is negative: the best of those that let some of them be 0.

    Args:
        users: of each load, 1 or more.
        rates: successes a second, more than 0.

    Returns:
        None of fewer than :data:`FEWEST_LOADS` different loads, and where one of them is far from any such law.
    """
    count, rate = np.asarray(users, float), np.asarray(rates, float)
    if len(np.unique(count)) < FEWEST_LOADS or not (rate > 0).all():
        return None
    terms = np.stack([np.ones_like(count), count - 1, count * (count - 1)], axis=1) * (rate / count)[:, None]
    best, least = None, np.inf
    for kept in ([0, *more] for size in range(3) for more in combinations((1, 2), size)):
        found = np.linalg.lstsq(terms[:, kept], np.ones_like(count), rcond=None)[0]
        off = float(np.square(terms[:, kept] @ found - 1).sum())
        if found[0] > 0 and (found >= 0).all() and off < least:
            figures = np.zeros(3)
            figures[kept] = found / found[0]
            best, least = Scalability(1 / found[0], figures[1], figures[2]), off
    if best is None or np.abs(best.at(count) / rate - 1).max() > _FARTHEST:
        return None
    return best
