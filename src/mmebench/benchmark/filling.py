"""Filling: an endpoint gets target by target until one pushes another out, and each cold load is timed."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from mmebench.benchmark.kind import Copy
from mmebench.endpoints.endpoint import Endpoint, MemoryUse, NoRoomError, Provisioned, Residency
from mmebench.errors import MmebenchError
from mmebench.figures.copy_memory import (
    bounds_per_copy,
    bytes_per_copy,
    bytes_per_copy_before_growth,
    of_kinds,
    slope_of,
)
from mmebench.record.run import Capacity, FirstInvocation, GpuCapacity
from mmebench.wire.runtime import InvocationError


def fill(
    endpoint: Endpoint,
    copies: Iterable[Copy],
    invoke: Callable[[Copy], object],
    grow: Callable[[Copy], object],
    threshold: float | None,
    on_load: Callable[[FirstInvocation], None],
    kinds: Sequence[str] = (),
) -> Capacity:
    """Add copies and invoke each, until one is evicted, refused, or there are no more.

    Memory grows with inference and not only with the load, and grows with the batch. Each copy is therefore
    made as large as the load can make it before the next one is added; what fits then fits under load too.

    Args:
        endpoint: an endpoint with none of these targets in memory.
        copies: what is added, in this order.
        invoke: sends one request of the load to a copy and waits for the answer; this is what is timed.
        grow: sends a request with the largest batch that can form under load.
        threshold: stop when one more copy would take more than this share of the memory budget.
        on_load: called after each load.
        kinds: of a fleet, the names of what copies are of; none where all are of one model.

    Raises:
        MmebenchError: not even one copy can be loaded, or one cannot be set up.
    """
    loads: list[FirstInvocation] = []
    gpus: tuple[GpuCapacity, ...] = ()
    suspects: deque[_Suspect] = deque()
    evictions = _evictions(endpoint.residency())

    def found(limited_by: str) -> Capacity:
        return _capacity(loads, limited_by, endpoint, gpus, kinds)

    for copy in _added_ahead(endpoint, copies):
        try:
            if isinstance(endpoint, Provisioned):
                endpoint.wait_for(copy.target)
        except NoRoomError:
            if not loads:
                raise
            return found("refused")
        try:
            seconds = _time(invoke, copy)
            loaded = endpoint.measure().memory_used
            grow(copy)
        except InvocationError as error:
            if not loads or not error.memory_exhausted:
                raise MmebenchError(f"copy {len(loads)} cannot be loaded: {error}") from None
            return found("refused")
        residency = endpoint.measure()
        load = FirstInvocation(
            target=copy.target,
            kind=copy.kind.name if kinds else None,
            seconds=seconds,
            memory_loaded=loaded,
            memory_used=residency.memory_used,
            memory_kept=residency.memory_kept if isinstance(residency, Residency) and residency.gpus else None,
            host_memory_used=residency.host_memory_used if isinstance(residency, Residency) else None,
        )
        counted = _evictions(residency)
        try:
            if counted is not None:
                evicted = counted != evictions
            else:
                evicted = endpoint.hosting == "multi-model" and _is_one_missing(suspects, copy, load, invoke)
        except InvocationError as error:
            if not error.memory_exhausted:
                raise
            return found("refused")
        if evicted:
            return found("eviction")
        loads.append(load)
        gpus = _of_gpus(residency)
        on_load(load)
        budget, each, used = residency.memory_budget, bytes_per_copy(loads), residency.memory_used
        if threshold and budget and each and used is not None and used + each > threshold * budget:
            return found("threshold")
    return found("limit")


def _added_ahead(endpoint: Endpoint, copies: Iterable[Copy]) -> Iterator[Copy]:
    """Each copy, added by then; where setting up takes a while, the next ones are while one is looked at."""
    at_once = endpoint.added_ahead if isinstance(endpoint, Provisioned) else 1
    coming: deque[Copy] = deque()
    left = iter(copies)
    while True:
        for copy in islice(left, at_once - len(coming)):
            endpoint.add_targets(copy.kind.package.archive, [copy.target])
            coming.append(copy)
        if not coming:
            return
        yield coming.popleft()


class _Suspect(NamedTuple):
    """A copy that is in memory, as far as anybody knows."""

    copy: Copy
    first: FirstInvocation
    warm: float
    """Seconds of an invocation while it was in memory."""


def _evictions(residency: Residency | MemoryUse) -> int | None:
    return residency.evictions if isinstance(residency, Residency) else None


def _is_one_missing(
    suspects: deque[_Suspect], copy: Copy, newest: FirstInvocation, invoke: Callable[[Copy], object]
) -> bool:
    """Whether an eviction has happened on an endpoint that does not say so.

    Memory that has grown by more than half a copy had room for the newest. Otherwise the copy that was used least
    recently is asked again. It was gone if that takes half as long as its first invocation, which loaded it, and
    ten times as long as an invocation while it was in memory.

    Args:
        suspects: from the least to the most recently used, kept in this order.
        copy: what was loaded just now; it becomes one of them.
        newest: how that went.
        invoke: sends one request to a copy and waits for the answer.
    """
    used = [suspect.first.memory_used or 0 for suspect in suspects]
    # A large copy of one kind may have pushed out a small one of another, and memory has grown all the same.
    alike = all(suspect.copy.kind is copy.kind for suspect in suspects)
    missing = False
    if suspects and not (alike and _has_grown(used, newest.memory_used)):
        oldest = suspects.popleft()
        seconds = _time(invoke, oldest.copy)
        missing = seconds > max(oldest.first.seconds / 2, 10 * oldest.warm)
        suspects.append(oldest)
    suspects.append(_Suspect(copy, newest, _time(invoke, copy)))
    return missing


def _has_grown(used: list[int], now: int | None) -> bool:
    half_a_copy = (max(used) - min(used)) / max(1, len(used) - 1) / 2
    return now is not None and now > max(used) + half_a_copy


def _time(invoke: Callable[[Copy], object], copy: Copy) -> float:
    started = time.perf_counter()
    invoke(copy)
    return time.perf_counter() - started


def _of_gpus(residency: Residency | MemoryUse) -> tuple[GpuCapacity, ...]:
    found = residency.gpus if isinstance(residency, Residency) else ()
    return tuple(
        GpuCapacity(gpu=each.gpu, name=each.name, fits=each.targets, used=each.used, budget=each.budget)
        for each in found
    )


def _capacity(
    loads: list[FirstInvocation],
    limited_by: str,
    endpoint: Endpoint,
    gpus: tuple[GpuCapacity, ...],
    kinds: Sequence[str],
) -> Capacity:
    residency = endpoint.residency()
    return Capacity.model_validate(
        {
            "fits": len(loads),
            "limited_by": limited_by,
            "bytes_per_copy": bytes_per_copy(loads),
            "bytes_per_copy_bounds": bounds_per_copy(loads),
            "bytes_per_copy_before_growth": bytes_per_copy_before_growth(loads),
            "kept_per_copy": slope_of([load.memory_kept for load in loads]) if gpus else None,
            "host_bytes_per_copy": slope_of([load.host_memory_used for load in loads]) if gpus else None,
            "by_growth": isinstance(residency, Residency) and residency.by_growth,
            "gpus": gpus,
            "memory_budget": residency.memory_budget,
            "kinds": of_kinds(loads, kinds),
            "loads": loads,
        }
    )
