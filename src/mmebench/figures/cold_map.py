"""Where and when a load found its targets cold: targets by popularity, and time."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.figures.requests import Requests

_ROWS = _COLUMNS = 60
"""At most: of more targets, neighbours are put together."""
_BLOCK = 1 << 20

Counts = npt.NDArray[np.int64]


class ColdMap(NamedTuple):
    """Requests of a whole load, warm-up included."""

    ranks: tuple[tuple[int, int], ...]
    """Which targets each row has, from the first to the last by popularity, from 1."""
    busiest: tuple[str, ...]
    """The first target of each row."""
    seconds: float
    """How long each column lasts."""
    requests: Counts
    """Of each row and column."""
    cold: Counts
    """Which of them waited for their target to be loaded."""


def map_cold(requests: Requests) -> ColdMap | None:
    """None where no request waited for a load, or nobody knows."""
    if requests.waited is None or not requests.waited.any():
        return None
    asked = np.bincount(requests.target, minlength=len(requests.names))
    ordered = np.lexsort((np.arange(len(asked)), -asked))
    ordered = ordered[asked[ordered] > 0]
    rows = min(_ROWS, len(ordered))
    row_of = np.empty(len(asked), np.int64)
    row_of[ordered] = np.arange(len(ordered)) * rows // len(ordered)
    firsts = np.searchsorted(row_of[ordered], np.arange(rows + 1))
    end = int(requests.start.max()) + 1
    counts = np.zeros((2, rows * _COLUMNS), np.int64)
    for first in range(0, len(requests.start), _BLOCK):  # the places of all of them would be gigabytes
        own = slice(first, first + _BLOCK)
        place = row_of[requests.target[own]] * _COLUMNS + requests.start[own].clip(0) * _COLUMNS // end
        for number, counted in enumerate((place, place[requests.waited[own]])):
            counts[number] += np.bincount(counted, minlength=rows * _COLUMNS)
    asked_for, cold = counts.reshape(2, rows, _COLUMNS)
    return ColdMap(
        tuple((int(first) + 1, int(last)) for first, last in pairwise(firsts)),
        tuple(requests.names[ordered[first]] for first in firsts[:-1]),
        end / _COLUMNS / 1e9,
        asked_for,
        cold,
    )
