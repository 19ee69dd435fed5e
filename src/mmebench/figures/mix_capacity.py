"""The capacity of a mix: how many copies of each of several models fit together, from what each takes."""

from collections.abc import Mapping
from typing import NamedTuple

from mmebench.record.run import Capacity, KindCapacity
from mmebench.spec.fleet import proportionally


class Predicted(NamedTuple):
    """How many of one kind."""

    fits: int
    low: int
    """If a copy takes as much as the upper bounds of its interval; ``high``: as little as the lower."""
    high: int


def predict_mix(capacity: Capacity, shares: Mapping[str, float]) -> dict[str, Predicted] | None:
    """What fits of each kind when copies come in other proportions, until the next one would not.

    A kind takes of memory what its copies share, once, and what each adds; of which there was a single copy, what
    that added. None where memory is not known, or no copy of a kind was there to tell what one takes.

    Args:
        capacity: what the filling of a fleet found.
        shares: the parts of the kinds in the mix, in any unit.
    """
    known = {kind.name: kind for kind in capacity.kinds}
    if capacity.memory_budget is None or not all(name in known and known[name].bytes_per_copy for name in shares):
        return None
    takes = {name: _bytes(known[name]) for name in shares}
    shared = {name: known[name].bytes_shared or 0.0 for name in shares}
    fits, low, high = (
        _fill(capacity.memory_budget, shares, {name: each[bound] for name, each in takes.items()}, shared)
        for bound in range(3)
    )
    return {name: Predicted(fits[name], low[name], high[name]) for name in shares}


def _bytes(kind: KindCapacity) -> tuple[float, float, float]:
    """Of a copy: the mean, the most, and the least that it takes by its interval."""
    each = kind.bytes_per_copy or 0.0
    low, high = kind.bytes_per_copy_bounds or (each, each)
    return each, high, low


def _fill(
    budget: float, shares: Mapping[str, float], takes: Mapping[str, float], shared: Mapping[str, float]
) -> dict[str, int]:
    """Copies in their proportions, as far as there is room."""
    counts, used = dict.fromkeys(shares, 0), 0.0
    # More than that of copies that take next to nothing nobody will host.
    most = dict.fromkeys(shares, 100_000)
    for name in proportionally(shares, most):
        used += takes[name] + (0.0 if counts[name] else shared[name])
        if used > budget:
            break
        counts[name] += 1
    return counts
