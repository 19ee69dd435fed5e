"""What a copy of a model takes of an endpoint's memory, from how that grew while copies were added.

Of copies that came side by side memory is known when all of them were there: with the last one.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mmebench.record.run import FirstInvocation, KindCapacity

_RESAMPLES = 1000
_FEWEST = 4
"""Copies for an interval."""


def bytes_per_copy(loads: list[FirstInvocation]) -> float | None:
    """Slope of the least-squares line of memory over copies, in bytes; None with fewer than two.

    As the figures below, it is None where nobody says what memory is used.
    """
    return slope_of([load.memory_used for load in loads]) if _measured(loads) else None


def bounds_per_copy(loads: list[FirstInvocation]) -> tuple[float, float] | None:
    """The bounds of its 95 % confidence interval, by bootstrap over measurements; None with fewer than four."""
    copies, memory = _known([load.memory_used for load in loads])
    if len(copies) < _FEWEST or not _measured(loads):
        return None
    draws = np.random.default_rng(0).integers(0, len(copies), (_RESAMPLES, len(copies)))
    draws = draws[(draws != draws[:, :1]).any(axis=1)]  # one and the same copy has no slope
    low, high = np.percentile(_slopes(copies[draws], memory[draws]), (2.5, 97.5))
    return float(low), float(high)


def bytes_per_copy_before_growth(loads: list[FirstInvocation]) -> float | None:
    """What a copy takes after one request of the load, before it was made as large as the load can make it.

    The mean over all copies that came alone but the first, whose memory holds what all share. None without any.
    """
    if not _measured(loads):
        return None
    before = [load.memory_used for load in loads]
    taken = [
        load.memory_loaded - used
        for load, used in zip(loads[1:], before, strict=False)
        if load.memory_loaded is not None and used is not None
    ]
    return float(np.mean(taken)) if taken else None


def of_kinds(loads: Sequence[FirstInvocation], names: Sequence[str]) -> tuple[KindCapacity, ...]:
    """What each kind of a fleet had in memory when it was full, and what a copy of it takes.

    Copies of several kinds come in turns, so that a line over all of them says nothing of one: each copy takes
    what memory grew by when it came. The first of its kind is left out of the mean: it holds what all share.

    Args:
        loads: in their order, each with its kind.
        names: of the kinds.
    """
    used = [load.memory_used for load in loads]
    grown = [
        None if now is None or before is None else now - before
        for before, now in zip([0, *used], used, strict=False)
    ]
    return tuple(
        _of_kind(name, [much for load, much in zip(loads, grown, strict=True) if load.kind == name])
        for name in names
    )


def _of_kind(name: str, grown: Sequence[int | None]) -> KindCapacity:
    known = [much for much in grown if much is not None]
    if not known or len(known) < len(grown):
        return KindCapacity(name=name, fits=len(grown))
    first, *others = known
    each = float(np.mean(others or [first]))
    bounds = None
    if len(known) >= _FEWEST:
        draws = np.random.default_rng(0).choice(np.array(others, float), (_RESAMPLES, len(others)))
        low, high = np.percentile(draws.mean(axis=1), (2.5, 97.5))
        bounds = float(low), float(high)
    return KindCapacity(
        name=name,
        fits=len(grown),
        bytes_per_copy=each,
        bytes_per_copy_bounds=bounds,
        bytes_shared=max(0.0, first - each),
    )


def _measured(loads: Sequence[FirstInvocation]) -> bool:
    """Whether memory is known of each copy that came alone."""
    alone = [load for load in loads if not load.beside]
    return all(load.memory_used is not None and load.memory_loaded is not None for load in alone)


def slope_of(sizes: Sequence[int | None]) -> float | None:
    """Of what copies take together over their number; None where that is known for fewer than two numbers."""
    copies, known = _known(sizes)
    return float(_slopes(copies, known)) if len(copies) > 1 else None


def _known(sizes: Sequence[int | None]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The numbers of copies for which it is known what they take, from 0, and how much that is."""
    known = [(number, size) for number, size in enumerate(sizes) if size is not None]
    numbers, found = zip(*known, strict=True) if known else ((), ())
    return np.array(numbers, np.int64), np.array(found, float)


def _slopes(x: npt.NDArray[np.int64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of the least-squares lines along the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    slopes: npt.NDArray[np.float64] = (centred * y).sum(axis=-1) / (centred * centred).sum(axis=-1)
    return slopes
