"""How requests spread over instances: what each instance is asked for, by the routing."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.plan.demand import Demand
from mmebench.plan.measured import Measured
from mmebench.plan.simulation.kernel import jump_hashes
from mmebench.spec.planning import Planning

Floats = npt.NDArray[np.float64]

_ALONE = 2_000
"""Models that are looked at one by one; the less popular ones in groups that are asked for about as often."""
_GROUPS = 500
_LOOKED_AT = 12
"""Instances of a hashed fleet: from the one with the least to the one with the most to do."""


class Models(NamedTuple):
    """Models that are alike are together."""

    alike: Floats
    """How many, each of which has what follows."""
    rate: Floats
    """Requests per second."""
    kind: npt.NDArray[np.uint8]
    pinned: Floats
    """1 where it is never evicted, else 0."""


class Part(NamedTuple):
    """Instances that are alike."""

    instances: float
    rate: float
    """Requests per second on each of them."""
    models: Models
    """What they are asked for: all of ``memories`` of them together."""
    memories: float
    """Instances that share these models out among themselves."""
    elsewhere: float = 0.0
    """Share of a model's requests that go to a second copy of it, at least."""
    busy: int | None = None
    """With so many requests in service the next one does; None where none does for that."""


def spread(measured: Measured, demand: Demand, planning: Planning, instances: int) -> list[Part]:
    """The instances, in parts."""
    rates = demand.rate * demand.shares
    pinned = np.arange(len(rates)) < planning.pinned
    if planning.routing == "sticky":
        models = _group(rates, demand.kinds, pinned)
        return [_sticky(measured, demand, planning, instances, models)]
    if planning.routing == "hashed" and instances > 1:
        return _hashed(demand, instances, rates, pinned)
    models = _group(rates / instances, demand.kinds, pinned)
    return [Part(instances, demand.rate / instances, models, 1)]


def _group(rates: Floats, kinds: npt.NDArray[np.uint8], pinned: npt.NDArray[np.bool_]) -> Models:
    """Those that are asked for, by popularity."""
    asked = int(np.count_nonzero(rates))
    alone = min(max(_ALONE, int(np.count_nonzero(pinned))), asked)
    parts = [(np.ones(alone), rates[:alone], kinds[:alone], pinned[:alone] * 1.0)]
    for kind in np.unique(kinds[alone:asked]):
        rest = rates[alone:asked][kinds[alone:asked] == kind]
        groups = np.array_split(rest, min(_GROUPS, len(rest)))
        count = np.array([float(len(group)) for group in groups])
        parts.append(
            (
                count,
                np.array([group.mean() for group in groups]),
                np.full(len(groups), kind),
                np.zeros(len(groups)),
            )
        )
    count, rate, of_kind, never = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Models(count, rate, of_kind.astype(np.uint8), never)


def _sticky(measured: Measured, demand: Demand, planning: Planning, instances: int, models: Models) -> Part:
    """All alike: what none has goes where there is room, and from a busy instance requests go to others."""
    each = demand.rate / instances
    if instances == 1:
        return Part(1, each, models, 1)
    # A model that is asked for more often than an instance answers has further copies in any case.
    hottest = float(demand.shares[0])
    over = max(0.0, hottest - measured.most_per_second / demand.rate)
    return Part(instances, each, models, instances, min(over, 0.5), planning.busy)


def _hashed(demand: Demand, instances: int, rates: Floats, pinned: npt.NDArray[np.bool_]) -> list[Part]:
    """Each model on one instance; some instances get more to do than others."""
    homes = jump_hashes(demand.models, instances)
    loads = np.bincount(homes, rates, instances)
    by_load = np.argsort(loads, kind="stable")
    found = []
    # The one with the hottest model may have a large part of all requests, and is like no other.
    groups = [*np.array_split(by_load[:-1], min(_LOOKED_AT, instances) - 1), by_load[-1:]]
    for group in groups:
        # The one in the middle stands for all of its group.
        own = homes == group[len(group) // 2]
        models = _group(rates[own], demand.kinds[own], pinned[own])
        if float(loads[group].sum()) > 0:
            found.append(Part(len(group), float(models.alike @ models.rate), models, 1))
    return found
