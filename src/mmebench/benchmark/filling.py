"""Filling: an endpoint gets target after target until one pushes another out, and each cold load is timed.

The first copies come one at a time, so that nothing goes on beside their cold starts. Then as many come at once as
the endpoint loads at once, as long as there is room for one more than these; the last ones come one at a time
again, as what fits is to be known to the copy.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import groupby, islice
from typing import NamedTuple

from mmebench.benchmark.evictions import watch_evictions
from mmebench.benchmark.kind import Copy
from mmebench.benchmark.side_by_side import side_by_side
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

_ALONE = 3
"""Copies that come one at a time at first: the least that say what one takes, apart from what all share."""


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
    made as large as the load can make it before the next ones are added; what fits then fits under load too.

    Args:
        endpoint: an endpoint with none of these targets in memory.
        copies: what is added, in this order.
        invoke: sends one request of the load to a copy and waits for the answer; this is what is timed. It and
            ``grow`` are called for several copies at once, from threads.
        grow: sends a request with the largest batch that can form under load.
        threshold: stop when one more copy would take more than this share of the memory budget.
        on_load: called after each load.
        kinds: of a fleet, the names of what copies are of; none where all are of one model. Copies of a fleet come
            one at a time: nobody could tell what each of several different ones has taken.

    Raises:
        MmebenchError: not even one copy can be loaded, or one cannot be set up.
    """
    loads: list[FirstInvocation] = []
    residency = endpoint.residency()
    evictions = watch_evictions(endpoint, invoke)
    with closing(_Coming(endpoint, copies)) as coming:
        while True:
            at_once = 1 if kinds or len(loads) < _ALONE else _room_for(endpoint, loads, residency, threshold)
            try:
                batch = coming.take(at_once)
            except NoRoomError:
                if not loads:
                    raise
                return _capacity(loads, "refused", endpoint, residency, kinds)
            if not batch:
                return _capacity(loads, "limit", endpoint, residency, kinds)
            loaded = _load(endpoint, batch, invoke, grow, of_fleet=bool(kinds))
            if loaded.refused is not None and not (loads and loaded.refused.memory_exhausted):
                raise MmebenchError(f"copy {len(loads)} cannot be loaded: {loaded.refused}") from None
            try:
                lost = evictions.after(loaded.copies, loaded.loads, loaded.residency) if loaded.loads else 0
            except InvocationError as error:
                if not error.memory_exhausted:
                    raise
                return _capacity(loads, "refused", endpoint, residency, kinds)
            found = loaded.loads[: max(0, len(loaded.loads) - lost)]
            for load in found:
                loads.append(load)
                on_load(load)
            if found:  # else it is as it was before the copy that was too much
                residency = loaded.residency
            if lost:
                return _capacity(loads, "eviction", endpoint, residency, kinds)
            if loaded.refused is not None:
                return _capacity(loads, "refused", endpoint, residency, kinds)
            budget, each, used = residency.memory_budget, bytes_per_copy(loads), residency.memory_used
            if threshold and budget and each and used is not None and used + each > threshold * budget:
                return _capacity(loads, "threshold", endpoint, residency, kinds)


class _Coming:
    """Copies, each added by the time that it is taken, and the next ones beforehand where that takes a while."""

    def __init__(self, endpoint: Endpoint, copies: Iterable[Copy]) -> None:
        self._endpoint = endpoint
        self._left = iter(copies)
        self._added: deque[Copy] = deque()
        self._thread = ThreadPoolExecutor(1)
        self._adding: Future[None] | None = None

    def take(self, count: int) -> list[Copy]:
        """The next ones; fewer where no more are left, and none at the end.

        Raises:
            NoRoomError: there is none for the first of them.
        """
        if self._adding is not None:
            self._adding.result()
            self._adding = None
        endpoint = self._endpoint
        if isinstance(endpoint, Provisioned):
            self._add(max(count, endpoint.added_ahead) - len(self._added))
        else:
            self._add(count - len(self._added))
        taken = [self._added.popleft() for _ in range(min(count, len(self._added)))]
        if isinstance(endpoint, Provisioned):
            for copy in taken:
                endpoint.wait_for(copy.target)
        if count > 1:
            self._adding = self._thread.submit(self._add, count)
        return taken

    def _add(self, count: int) -> None:
        new = list(islice(self._left, max(0, count)))
        for archive, alike in groupby(new, key=lambda copy: copy.kind.package.archive):
            self._endpoint.add_targets(archive, [copy.target for copy in alike])
        self._added.extend(new)

    def close(self) -> None:
        """Nothing is added any more."""
        self._thread.shutdown()


class _Loaded(NamedTuple):
    """What became of copies that were asked for at once."""

    copies: list[Copy]
    loads: list[FirstInvocation]
    refused: InvocationError | None
    """Why the first of the others could not be loaded."""
    residency: Residency | MemoryUse
    """After all that."""


def _load(
    endpoint: Endpoint,
    batch: list[Copy],
    invoke: Callable[[Copy], object],
    grow: Callable[[Copy], object],
    *,
    of_fleet: bool,
) -> _Loaded:
    """Have copies loaded and grow; one by itself is measured in between as well."""
    memory_loaded: int | None = None

    def load(copy: Copy) -> float:
        nonlocal memory_loaded
        seconds = _time(invoke, copy)
        if len(batch) == 1:
            memory_loaded = endpoint.measure().memory_used
        grow(copy)
        return seconds

    copies: list[Copy] = []
    seconds: list[float] = []
    refused: InvocationError | None = None
    for copy, called in zip(batch, side_by_side(load, batch, len(batch)), strict=True):
        try:
            seconds.append(called.result())
            copies.append(copy)
        except InvocationError as error:
            if refused is None or not error.memory_exhausted:
                refused = error
    residency = endpoint.measure()
    loads = [
        FirstInvocation(
            target=copy.target,
            kind=copy.kind.name if of_fleet else None,
            seconds=each,
            beside=len(batch) - 1,
            memory_used=None,
        )
        for copy, each in zip(copies, seconds, strict=True)
    ]
    if loads:
        full = residency if isinstance(residency, Residency) else None
        loads[-1] = loads[-1].model_copy(
            update={
                "memory_loaded": memory_loaded,
                "memory_used": residency.memory_used,
                "memory_kept": full.memory_kept if full and full.gpus else None,
                "host_memory_used": full.host_memory_used if full else None,
            }
        )
    return _Loaded(copies, loads, refused, residency)


def _room_for(
    endpoint: Endpoint,
    loads: list[FirstInvocation],
    residency: Residency | MemoryUse,
    threshold: float | None,
) -> int:
    """How many copies may come at once: there is surely room for them and one more."""
    bounds, each = bounds_per_copy(loads), bytes_per_copy(loads)
    if not each or each <= 0 or endpoint.loads_at_once == 1:
        return 1
    most = max(each, bounds[1]) if bounds else each
    parts: Sequence[tuple[int | None, int | None]] = [(residency.memory_used, residency.memory_budget)]
    if isinstance(residency, Residency) and (residency.gpus or residency.instances):
        parts = [(gpu.used, gpu.budget) for gpu in residency.gpus] or [
            (instance.memory_used, instance.memory_budget) for instance in residency.instances
        ]
    room = 0
    for used, budget in parts:
        if used is None or budget is None:
            return 1
        room += max(0, int((budget * (threshold or 1) - used) // most))
    return max(1, min(endpoint.loads_at_once, room - 1))


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
    fullest: Residency | MemoryUse,
    kinds: Sequence[str],
) -> Capacity:
    """What was found; ``fullest`` is how memory was used before the last copy."""
    residency, gpus = endpoint.residency(), _of_gpus(fullest)
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
