"""The schedule of a stage in an open loop: when its requests are due, and which of them are a worker's.

It follows from the spec and the order that the worker was given, so that the conductor knows what a worker was to
start even when that worker can no longer say.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from mmebench.load.messages import BeginStage
from mmebench.load.schedule.arrivals import own_times
from mmebench.spec import RateArrivals, Trace, Workload

Nanoseconds = npt.NDArray[np.int64]
Traced = list[tuple[float, int]]
"""Second and key of each request of a trace."""


def due_times(workload: Workload, trace: Traced, order: BeginStage) -> Iterator[Nanoseconds]:
    """When the requests of a worker's share are due, ascending, in blocks; of the clock of ``order.start_ns``.

    Args:
        workload: in an open loop.
        trace: what the arrivals follow, where they follow one.
        order: to the worker.
    """
    match workload.arrivals:
        case RateArrivals() as arrivals:
            assert order.rate is not None, "the spec asks for it"
            blocks = own_times(arrivals, order.rate, order.stage, order.seconds, order.worker, order.workers)
        case Trace():
            times = np.array([seconds for seconds, _ in own_trace(trace, order)], np.float64)
            blocks = iter([times - order.trace_from])
        case other:
            raise TypeError(f"arrivals {other.kind} have no times")
    for seconds in blocks:
        yield order.start_ns + (seconds * 1e9).astype(np.int64)


def own_trace(trace: Traced, order: BeginStage) -> Traced:
    """The part of a trace that falls into the stage and is the worker's."""
    first, last = order.trace_from, order.trace_from + order.seconds
    return [request for request in trace[order.worker :: order.workers] if first <= request[0] < last]


def count_within(blocks: Iterable[Nanoseconds], start_ns: int, end_ns: int) -> int:
    """How many of these times lie within ``[start_ns, end_ns)``."""
    return sum(int(np.count_nonzero((times >= start_ns) & (times < end_ns))) for times in blocks)
