"""Addressing: which targets the load asks for, all behind the endpoint, and those that fit in memory."""

import math
from collections.abc import Callable, Sequence

from mmebench.benchmark.kind import Copy, PackagedKind
from mmebench.endpoints.endpoint import Endpoint, Residency
from mmebench.record.run import Capacity
from mmebench.spec import Targets


def address_targets(
    wanted: Targets,
    kinds: Sequence[PackagedKind],
    capacity: Capacity,
    endpoint: Endpoint,
    invoke: Callable[[Copy], object],
) -> list[tuple[str, ...]]:
    """The targets of each kind that the load asks for.

    Args:
        wanted: how many, where a kind has no number of its own.
        kinds: what the endpoint serves.
        capacity: what filling it has found.
        endpoint: which.
        invoke: sends one request of the load to a copy.
    """
    if endpoint.hosting != "multi-model":
        return [_hosted(wanted, kind, capacity) for kind in kinds]
    as_many_as_fit = wanted.capacity is None and all(kind.asked.targets.fixed is None for kind in kinds)
    if as_many_as_fit and len(kinds) == 1:
        return [_in_memory(capacity, endpoint)]
    targets = [kind.targets(_count(wanted, kind, capacity)) for kind in kinds]
    for kind, own in zip(kinds, targets, strict=True):
        endpoint.add_targets(kind.package.archive, own)
    if as_many_as_fit:
        copies = [Copy(kind, target) for kind, own in zip(kinds, targets, strict=True) for target in own]
        _bring_in(copies, endpoint, invoke)
    return targets


def _in_memory(capacity: Capacity, endpoint: Endpoint) -> tuple[str, ...]:
    """As many copies as fit: those in memory now, since the last one loaded may have pushed out the first."""
    residency = endpoint.residency()
    if isinstance(residency, Residency):
        return residency.resident[-capacity.fits :]
    return tuple(load.target for load in capacity.loads)


def _hosted(wanted: Targets, kind: PackagedKind, capacity: Capacity) -> tuple[str, ...]:
    """Those that are there: where nothing goes for another, no other can be asked for."""
    loaded = [load.target for load in capacity.loads if load.kind in (None, kind.name)]
    return tuple(loaded[: _count(wanted, kind, capacity)])


def _count(wanted: Targets, kind: PackagedKind, capacity: Capacity) -> int:
    """Of a fleet at least one of each kind, even where there was no room for it beside the others."""
    if kind.asked.targets.fixed is not None:
        return kind.asked.targets.fixed
    fits = next((each.fits for each in capacity.kinds if each.name == kind.name), capacity.fits)
    return max(1, math.ceil(fits * (wanted.capacity or 1)))


def _bring_in(copies: Sequence[Copy], endpoint: Endpoint, invoke: Callable[[Copy], object]) -> None:
    """Have exactly these in memory, as far as they fit.

    What ended the filling pushed out one of them. Those that are there are used first, so that it is not one of
    them that goes when the missing one comes.
    """
    residency = endpoint.residency()
    if not isinstance(residency, Residency):
        return
    there = set(residency.resident)
    for copy in sorted(copies, key=lambda copy: copy.target not in there):
        invoke(copy)
