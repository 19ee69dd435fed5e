"""The stations of an instance: what it does at a time, computed from what was measured.

An instance with n requests in service and l loads under way serves each request at the speed of n + c l of them,
where c is the contention of loads, and each load at that of l loads, slowed by the requests as those slow each
other. What was measured with a fixed number of users is how such a station works with a fixed number of requests,
and by the theorem of Chandy, Herzog and Woo ("Parametric analysis of queuing networks", IBM Journal of Research
and Development 19, 1975) that is all that a queue needs to know of it.
"""

import numpy as np
import numpy.typing as npt

from mmebench.plan.measured import Measured
from mmebench.plan.queue import find_occupancies, find_occupancy
from mmebench.plan.simulation.kernel import MEMORY, SPEED, Hardware

Floats = npt.NDArray[np.float64]

_MOST_REQUESTS = 256
_MOST_LOADS = 32
_MANY_LOADS = 1 << 30
UNMEASURED_CONTENTION = 1.0
"""A load is taken to slow requests down as one more of them would."""


def contention_of(measured: Measured, asked: float | None) -> float:
    """What was asked for, else what was measured, else what is assumed."""
    if asked is not None:
        return asked
    return UNMEASURED_CONTENTION if measured.contention is None else measured.contention


def serving_speed(measured: Measured, contention: float, requests: npt.ArrayLike, loads: npt.ArrayLike) -> Floats:
    """Of each of so many requests, beside so many loads."""
    return measured.speed(np.asarray(requests, float) + contention * np.asarray(loads, float))


def find_serving(measured: Measured, contention: float, rate: float, loads: int) -> list[Floats] | None:
    """How many requests are in service, beside each number of loads below this; None: they come too fast."""
    return find_occupancies(
        rate,
        lambda counts, beside: counts * serving_speed(measured, contention, counts, beside) / measured.at_rest,
        loads,
        measured.levels[-1].present,
    )


def find_loading(measured: Measured, contention: float, starts: float, requests: float) -> Floats | None:
    """How many loads are under way, beside so many requests; None: more begin a second than can be done."""
    alone = mean_load(measured)
    settled = max(*measured.load_seconds, measured.levels[-1].present / contention if contention > 0 else 0)
    return find_occupancy(
        starts, lambda counts: counts * loading_speed(measured, contention, requests, counts) / alone, settled
    )


def mean_load(measured: Measured) -> float:
    """Seconds of a load alone, over the kinds as they are asked for."""
    return float(
        sum(kind.requests * each.mean() for kind, each in zip(measured.kinds, measured.loads, strict=True))
    )


def loading_speed(measured: Measured, contention: float, requests: float, loads: npt.ArrayLike) -> Floats:
    """Of each of so many loads, beside so many requests."""
    at_once = np.asarray(loads, float)
    alone = measured.speed(contention * at_once)
    beside = measured.speed(requests + contention * at_once)
    slowed: Floats = beside / alone if contention > 0 else np.ones_like(at_once)
    return measured.loading_speed(at_once) * slowed


def hardware_of(measured: Measured, contention: float) -> Hardware:
    """The same as tables, for the simulation."""
    last = int(np.ceil(measured.levels[-1].present))
    requests = np.arange(min(max(2 * last, 16), _MOST_REQUESTS) + 1)
    loads = np.arange(min(max(2 * max(measured.load_seconds), 8), _MOST_LOADS) + 1)
    speed = np.empty((len(requests), len(loads)), SPEED)
    for count in loads:
        speed["serving"][:, count] = serving_speed(measured, contention, requests.astype(float), float(count))
    for count in requests:
        speed["loading"][count, :] = loading_speed(measured, contention, float(count), loads.astype(float))
    memory = np.array([(round(each.copy * _UNIT), round(each.shared * _UNIT)) for each in measured.memory], MEMORY)
    return Hardware(
        speed,
        np.ascontiguousarray(work_of(measured).transpose(1, 0, 2)),
        nearest_levels(measured, len(requests)),
        measured.loads,
        memory,
        round(measured.budget * _UNIT),
        measured.loads_at_once or _MANY_LOADS,
    )


_UNIT = 1000
"""Memory is counted in thousandths, so that copies may be some percent larger in a what-if."""


def work_of(measured: Measured) -> Floats:
    """Seconds of a request at speed 1, ``[level, kind, quantile]``: latencies of each level times its speed."""
    return np.stack([level.latency * float(measured.speed(level.present)) for level in measured.levels])


def nearest_levels(measured: Measured, count: int) -> npt.NDArray[np.int32]:
    """Which level tells most of 0, 1, 2, … requests at once."""
    present = np.array([level.present for level in measured.levels])
    numbers = np.maximum(np.arange(count), 1)[:, None]
    apart = np.abs(np.log(numbers / np.maximum(present, 0.1)))
    nearest: npt.NDArray[np.int32] = apart.argmin(axis=1).astype(np.int32)
    return nearest
