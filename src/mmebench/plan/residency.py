"""Residency: which models are in memory, and how many requests find theirs, computed.

Che's approximation (see :mod:`mmebench.figures.lru`), for copies of several sizes, on several instances, with
loads that take time. A model that is asked for r times a second is evicted when nobody asked for it for T seconds;
its next request begins a load of d seconds, in which r d further ones wait. From one load to the next it is asked
for e^(rT) + rd times on average, of which 1 + rd wait, and it is away from memory for 1 / r. T is what makes all
copies fill the memory there is.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LARGEST = 700.0
"""Exponents beyond it are infinite as numbers."""
_LONGEST = 1e12
"""Seconds."""


class Copies(NamedTuple):
    """Copies of models that share one memory, those that are alike together."""

    alike: Floats
    """How many are alike, and each of them has what follows."""
    rate: Floats
    """Requests per second."""
    size: Floats
    load_seconds: Floats
    """How long it takes to load it."""
    pinned: Floats
    """1 where it is never evicted, else 0."""


class Residency(NamedTuple):
    """What is in memory, in the long run. Arrays have one number for copies that are alike."""

    seconds: float
    """After so many without a request a model is evicted; infinite where all fit."""
    cold: Floats
    """Share of its requests that wait for it."""
    loads_per_s: float
    """Of all together."""


def find_residency(copies: Copies, room: float) -> Residency:
    """Of copies that share so much memory."""
    asked = (copies.rate > 0) | (copies.pinned > 0)
    if float((copies.alike * copies.size)[asked].sum()) <= room:
        return Residency(np.inf, np.zeros_like(copies.rate), 0.0)
    low, high = 0.0, 1.0
    while _filled(copies, high) < room and high < _LONGEST:
        low, high = high, high * 4
    for _ in range(50):
        middle = (low + high) / 2
        if _filled(copies, middle) < room:
            low = middle
        else:
            high = middle
    together = _requests_a_load(copies, high)
    free = 1.0 - copies.pinned
    cold = free * (1 + copies.rate * copies.load_seconds) / together
    loads = free * copies.rate / together
    return Residency(high, np.where(copies.rate > 0, cold, 0.0), float(copies.alike @ loads))


def _requests_a_load(copies: Copies, seconds: float) -> Floats:
    together: Floats = np.exp(np.minimum(copies.rate * seconds, _LARGEST)) + copies.rate * copies.load_seconds
    return together


def _filled(copies: Copies, seconds: float) -> float:
    """How much memory all take where they are evicted after so long."""
    there = np.maximum(1 - 1 / _requests_a_load(copies, seconds), copies.pinned)
    return float((copies.alike * copies.size) @ there)
