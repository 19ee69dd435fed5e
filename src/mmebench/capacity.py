"""Capacity: fill an endpoint target by target until one pushes another out, and time each cold load."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmebench.endpoints.endpoint import Endpoint
from mmebench.endpoints.runtime import InvocationError
from mmebench.errors import MmebenchError
from mmebench.results.run import Capacity, Load

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
    on_load: Callable[[Load], None],
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
    loads: list[Load] = []
    evictions = endpoint.residency().evictions
    while len(loads) < limit:
        name = target_name(model, len(loads))
        endpoint.add_targets(archive, [name])
        started = time.perf_counter()
        try:
            invoke(name)
            seconds = time.perf_counter() - started
            loaded = endpoint.measure().memory_used
            grow(name)
        except InvocationError as error:
            if not loads or not error.memory_exhausted:
                raise MmebenchError(f"copy {len(loads)} cannot be loaded: {error}") from None
            return _capacity(loads, "refused", endpoint)
        residency = endpoint.measure()
        if residency.evictions > evictions:
            return _capacity(loads, "eviction", endpoint)
        loads.append(Load(target=name, seconds=seconds, memory_loaded=loaded, memory_used=residency.memory_used))
        on_load(loads[-1])
        budget, copy = residency.memory_budget, bytes_per_copy(loads)
        if threshold and budget and copy and residency.memory_used + copy > threshold * budget:
            return _capacity(loads, "threshold", endpoint)
    return _capacity(loads, "limit", endpoint)


def bytes_per_copy(loads: list[Load]) -> float | None:
    """Slope of the least-squares line of memory over copies, in bytes; None with fewer than two."""
    if len(loads) < 2:
        return None
    return _slope(np.arange(len(loads)), _memory(loads))


def bounds_per_copy(loads: list[Load]) -> tuple[float, float] | None:
    """The bounds of its 95 % confidence interval, by bootstrap over the copies; None with fewer than four."""
    if len(loads) < 4:
        return None
    memory, copies = _memory(loads), np.arange(len(loads))
    draws = np.random.default_rng(0).integers(0, len(loads), (_RESAMPLES, len(loads)))
    slopes = [_slope(copies[draw], memory[draw]) for draw in draws if len(set(draw.tolist())) > 1]
    low, high = np.percentile(slopes, (2.5, 97.5))
    return float(low), float(high)


def bytes_per_copy_before_growth(loads: list[Load]) -> float | None:
    """What a copy takes after one request of the load, before it was made as large as the load can make it.

    The mean over all copies but the first, whose memory holds what all share. None with fewer than two.
    """
    grown = [load.memory_used for load in loads]
    taken = [load.memory_loaded - before for load, before in zip(loads[1:], grown, strict=False)]
    return float(np.mean(taken)) if taken else None


def _memory(loads: list[Load]) -> npt.NDArray[np.float64]:
    return np.array([load.memory_used for load in loads], float)


def _slope(x: npt.NDArray[np.int64], y: npt.NDArray[np.float64]) -> float:
    centred = x - x.mean()
    return float((centred * y).sum() / (centred * centred).sum())


def _capacity(loads: list[Load], limited_by: str, endpoint: Endpoint) -> Capacity:
    return Capacity.model_validate(
        {
            "fits": len(loads),
            "limited_by": limited_by,
            "bytes_per_copy": bytes_per_copy(loads),
            "bytes_per_copy_bounds": bounds_per_copy(loads),
            "bytes_per_copy_before_growth": bytes_per_copy_before_growth(loads),
            "memory_budget": endpoint.residency().memory_budget,
            "loads": loads,
        }
    )
