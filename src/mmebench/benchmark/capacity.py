"""Capacity: fill an endpoint target by target until one pushes another out, and time each cold load."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmebench.endpoints.endpoint import Endpoint, MemoryUse, Residency
from mmebench.errors import MmebenchError
from mmebench.record.run import Capacity, FirstInvocation, GpuCapacity
from mmebench.wire.runtime import InvocationError

_RESAMPLES = 1000


def target_name(model: str, number: int) -> str:
    """``resnet50-v7.tar.gz``, the name of copy 7."""
    return f"{model}-v{number}.tar.gz"


def fill(
    endpoint: Endpoint,
    archive: Path,
    model: str,
    invoke: Callable[[str], object],
    grow: Callable[[str], object],
    limit: int,
    threshold: float | None,
    on_load: Callable[[FirstInvocation], None],
) -> Capacity:
    """Add copies of ``archive`` and invoke each, until one is evicted, refused, or there are enough.

    Memory grows with inference and not only with the load, and grows with the batch. Each copy is therefore
    made as large as the load can make it before the next one is added; what fits then fits under load too.

    Args:
        endpoint: an endpoint with none of these targets in memory.
        archive: what each target is a copy of.
        model: targets are named after it, see :func:`target_name`.
        invoke: sends one request of the load to a target and waits for the answer; this is what is timed.
        grow: sends a request with the largest batch that can form under load.
        limit: stop with this many targets in memory.
        threshold: stop when one more copy would take more than this share of the memory budget.
        on_load: called after each load.

    Raises:
        MmebenchError: not even one copy can be loaded.
    """
    loads: list[FirstInvocation] = []
    gpus: tuple[GpuCapacity, ...] = ()
    suspects: deque[tuple[FirstInvocation, float]] = deque()
    evictions = _evictions(endpoint.residency())
    while len(loads) < limit:
        name = target_name(model, len(loads))
        endpoint.add_targets(archive, [name])
        try:
            seconds = _time(invoke, name)
            loaded = endpoint.measure().memory_used
            grow(name)
        except InvocationError as error:
            if not loads or not error.memory_exhausted:
                raise MmebenchError(f"copy {len(loads)} cannot be loaded: {error}") from None
            return _capacity(loads, "refused", endpoint, gpus)
        residency = endpoint.measure()
        load = FirstInvocation(
            target=name,
            seconds=seconds,
            memory_loaded=loaded,
            memory_used=residency.memory_used,
            memory_kept=residency.memory_kept if isinstance(residency, Residency) and residency.gpus else None,
            host_memory_used=residency.host_memory_used if isinstance(residency, Residency) else None,
        )
        counted = _evictions(residency)
        try:
            evicted = _is_one_missing(suspects, load, invoke) if counted is None else counted != evictions
        except InvocationError as error:
            if not error.memory_exhausted:
                raise
            return _capacity(loads, "refused", endpoint, gpus)
        if evicted:
            return _capacity(loads, "eviction", endpoint, gpus)
        loads.append(load)
        gpus = _of_gpus(residency)
        on_load(load)
        budget, copy, used = residency.memory_budget, bytes_per_copy(loads), residency.memory_used
        if threshold and budget and copy and used is not None and used + copy > threshold * budget:
            return _capacity(loads, "threshold", endpoint, gpus)
    return _capacity(loads, "limit", endpoint, gpus)


def _evictions(residency: Residency | MemoryUse) -> int | None:
    return residency.evictions if isinstance(residency, Residency) else None


def _is_one_missing(
    suspects: deque[tuple[FirstInvocation, float]], newest: FirstInvocation, invoke: Callable[[str], object]
) -> bool:
    """Whether an eviction has happened on an endpoint that does not say so.

    Memory that has grown by more than half a copy had room for the newest. Otherwise the copy that was used least
    recently is asked again. It was gone if that takes half as long as its first invocation, which loaded it, and
    ten times as long as an invocation while it was in memory.

    Args:
        suspects: copies in memory from the least to the most recently used, kept in this order, each with the
            seconds of an invocation while it was in memory.
        newest: the copy that was loaded just now; it becomes one of them.
        invoke: sends one request to a target and waits for the answer.
    """
    used = [load.memory_used or 0 for load, _ in suspects]
    missing = False
    if suspects and not _has_grown(used, newest.memory_used):
        suspect, warm = suspects.popleft()
        seconds = _time(invoke, suspect.target)
        missing = seconds > max(suspect.seconds / 2, 10 * warm)
        suspects.append((suspect, warm))
    suspects.append((newest, _time(invoke, newest.target)))
    return missing


def _has_grown(used: list[int], now: int | None) -> bool:
    half_a_copy = (max(used) - min(used)) / max(1, len(used) - 1) / 2
    return now is not None and now > max(used) + half_a_copy


def _time(invoke: Callable[[str], object], target: str) -> float:
    started = time.perf_counter()
    invoke(target)
    return time.perf_counter() - started


def bytes_per_copy(loads: list[FirstInvocation]) -> float | None:
    """Slope of the least-squares line of memory over copies, in bytes; None with fewer than two.

    As the figures below, it is None where nobody says what memory is used.
    """
    if len(loads) < 2 or not _measured(loads):
        return None
    return _slope(np.arange(len(loads)), _memory(loads))


def bounds_per_copy(loads: list[FirstInvocation]) -> tuple[float, float] | None:
    """The bounds of its 95 % confidence interval, by bootstrap over the copies; None with fewer than four."""
    if len(loads) < 4 or not _measured(loads):
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


def _measured(loads: list[FirstInvocation]) -> bool:
    return all(load.memory_used is not None and load.memory_loaded is not None for load in loads)


def _memory(loads: list[FirstInvocation]) -> npt.NDArray[np.float64]:
    return np.array([load.memory_used for load in loads], float)


def _slope_of(sizes: Sequence[int | None]) -> float | None:
    """Over copies; None with fewer than two, or where one of them is not known."""
    known = [size for size in sizes if size is not None]
    if len(known) < max(2, len(sizes)):
        return None
    return _slope(np.arange(len(known)), np.array(known, float))


def _of_gpus(residency: Residency | MemoryUse) -> tuple[GpuCapacity, ...]:
    found = residency.gpus if isinstance(residency, Residency) else ()
    return tuple(
        GpuCapacity(gpu=each.gpu, name=each.name, fits=each.targets, used=each.used, budget=each.budget)
        for each in found
    )


def _slope(x: npt.NDArray[np.int64], y: npt.NDArray[np.float64]) -> float:
    centred = x - x.mean()
    return float((centred * y).sum() / (centred * centred).sum())


def _capacity(
    loads: list[FirstInvocation], limited_by: str, endpoint: Endpoint, gpus: tuple[GpuCapacity, ...]
) -> Capacity:
    residency = endpoint.residency()
    return Capacity.model_validate(
        {
            "fits": len(loads),
            "limited_by": limited_by,
            "bytes_per_copy": bytes_per_copy(loads),
            "bytes_per_copy_bounds": bounds_per_copy(loads),
            "bytes_per_copy_before_growth": bytes_per_copy_before_growth(loads),
            "kept_per_copy": _slope_of([load.memory_kept for load in loads]) if gpus else None,
            "host_bytes_per_copy": _slope_of([load.host_memory_used for load in loads]) if gpus else None,
            "by_growth": isinstance(residency, Residency) and residency.by_growth,
            "gpus": gpus,
            "memory_budget": residency.memory_budget,
            "loads": loads,
        }
    )
