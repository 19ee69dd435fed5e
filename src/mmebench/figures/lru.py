"""A cache that evicts the least recently used: what it should hit, and which requests of a sequence it misses.

The prediction is Che's approximation (Che, Tung and Wang, "Hierarchical Web caching systems: modeling, design and
experimental results", IEEE JSAC 20, 2002), for requests that are independent of each other.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Shares = npt.NDArray[np.float64]


def characteristic_time(shares: Shares, capacity: int) -> float:
    """Requests after which a target that nobody asked for is evicted; infinite where all targets fit.

    The time in which, on average, ``capacity`` distinct targets are asked for.

    Args:
        shares: the share of requests that each target gets; their sum is 1.
        capacity: targets that fit, at least 1.
    """
    asked = shares[shares > 0]
    if len(asked) <= capacity:
        return math.inf
    low, high = 0.0, 1.0
    while _distinct(asked, high) < capacity:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _distinct(asked, middle) < capacity else (low, middle)
    return high


def _distinct(shares: Shares, requests: float) -> float:
    """How many targets are asked for within so many requests, on average."""
    return float(-np.expm1(-shares * requests).sum())


def predict_hit_ratio(shares: Shares, capacity: int) -> float:
    """The share of requests that find their target in memory."""
    time = characteristic_time(shares, capacity)
    return 1.0 if math.isinf(time) else float(-(shares * np.expm1(-shares * time)).sum())


def replay(targets: Iterable[int], capacity: int, resident_first: Iterable[int] = ()) -> npt.NDArray[np.bool_]:
    """Which of these requests, in their order, miss a cache.

    Args:
        targets: what each request asks for.
        capacity: targets that fit.
        resident_first: what is in it at first, the most recently used last.
    """
    resident: OrderedDict[int, None] = OrderedDict.fromkeys(resident_first)
    misses = []
    for target in targets:
        misses.append(target not in resident)
        resident[target] = None
        resident.move_to_end(target)
        if len(resident) > capacity:
            resident.popitem(last=False)
    return np.array(misses, np.bool_)
