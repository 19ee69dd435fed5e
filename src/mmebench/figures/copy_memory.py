"""What a copy of a model takes of an endpoint's memory, from how that grew while copies were added one by one."""

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
    if len(loads) < 2 or not _measured(loads):
        return None
    return _slope(np.arange(len(loads)), _memory(loads))


def bounds_per_copy(loads: list[FirstInvocation]) -> tuple[float, float] | None:
    """The bounds of its 95 % confidence interval, by bootstrap over the copies; None with fewer than four."""
    if len(loads) < _FEWEST or not _measured(loads):
        return None
    memory, copies = _memory(loads), np.arange(len(loads))
    draws = np.random.default_rng(0).integers(0, len(loads), (_RESAMPLES, len(loads)))
    slopes = [_slope(copies[draw], memory[draw]) for draw in draws if len(set(draw.tolist())) > 1]
    low, high = np.percentile(slopes, (2.5, 97.5))
    return float(low), float(high)


def bytes_per_copy_before_growth(loads: list[FirstInvocation]) -> float | None:
    """What a copy takes after one request of the load, before it was made as large as the load can make it.

    The mean over all copies but the first, whose memory holds what all share. None with fewer than two.
    """
    if not _measured(loads):
        return None
    grown = [load.memory_used or 0 for load in loads]
    taken = [(load.memory_loaded or 0) - before for load, before in zip(loads[1:], grown, strict=False)]
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


def _measured(loads: list[FirstInvocation]) -> bool:
    return all(load.memory_used is not None and load.memory_loaded is not None for load in loads)


def _memory(loads: list[FirstInvocation]) -> npt.NDArray[np.float64]:
    return np.array([load.memory_used for load in loads], float)


def slope_of(sizes: Sequence[int | None]) -> float | None:
    """Over copies; None with fewer than two, or where one of them is not known."""
    known = [size for size in sizes if size is not None]
    if len(known) < max(2, len(sizes)):
        return None
    return _slope(np.arange(len(known)), np.array(known, float))


def _slope(x: npt.NDArray[np.int64], y: npt.NDArray[np.float64]) -> float:
    centred = x - x.mean()
    return float((centred * y).sum() / (centred * centred).sum())
