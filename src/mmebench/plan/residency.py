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
_EXACT = 1e-10
"""Share of the memory that may be left over."""
_STEPS = 100
"""More than it ever takes."""


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
    seconds = _until_full(copies, room)
    together = _requests_a_load(copies, seconds)
    free = 1.0 - copies.pinned
    cold = free * (1 + copies.rate * copies.load_seconds) / together
    loads = free * copies.rate / together
    return Residency(seconds, np.where(copies.rate > 0, cold, 0.0), float(copies.alike @ loads))


def _until_full(copies: Copies, room: float) -> float:
    """After how many seconds they are evicted where that fills all of it: by false position, as Illinois has it.

    See Dowell and Jarratt, "A modified regula falsi method for computing the root of an equation", BIT 11, 1971.
    """
    low, high = 0.0, 1.0
    below, above = _filled(copies, low) - room, _filled(copies, high) - room
    if below >= 0:
        return low
    while above < 0 and high < _LONGEST:
        low, below = high, above
        high *= 4
        above = _filled(copies, high) - room
    if above < 0:
        return high
    middle, kept = high, 0
    for _ in range(_STEPS):
        middle = (low * above - high * below) / (above - below)
        left = _filled(copies, middle) - room
        if abs(left) <= _EXACT * room:
            break
        if left < 0:
            low, below = middle, left
            above, kept = (above / 2, -1) if kept == -1 else (above, -1)
        else:
            high, above = middle, left
            below, kept = (below / 2, 1) if kept == 1 else (below, 1)
    return middle


def _requests_a_load(copies: Copies, seconds: float) -> Floats:
    together: Floats = np.exp(np.minimum(copies.rate * seconds, _LARGEST)) + copies.rate * copies.load_seconds
    return together


def _filled(copies: Copies, seconds: float) -> float:
    """How much memory all take where they are evicted after so long."""
    there = np.maximum(1 - 1 / _requests_a_load(copies, seconds), copies.pinned)
    return float((copies.alike * copies.size) @ there)
