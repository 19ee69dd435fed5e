"""When the requests of an open loop start: ascending times, pure functions of spec, rate and stage."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mmebench.spec.arrivals import ConstantRate, Poisson

_BLOCK = 4096

Seconds = npt.NDArray[np.float64]


def start_times(arrivals: ConstantRate | Poisson, rate: float, stage: int) -> Iterator[Seconds]:
    """Seconds since the stage began at which its requests start, in ascending blocks without end.

    Constant arrivals start at 0 and are ``1 / rate`` apart. The gaps of Poisson arrivals are exponential with
    this mean; each stage has its own.
    """
    block, last = 0, 0.0
    while True:
        match arrivals:
            case ConstantRate():
                yield np.arange(block * _BLOCK, (block + 1) * _BLOCK) / rate
            case Poisson():
                random = np.random.default_rng((arrivals.seed, stage, block))
                times = last + np.cumsum(random.standard_exponential(_BLOCK)) / rate
                last = float(times[-1])
                yield times
        block += 1


def own_times(
    arrivals: ConstantRate | Poisson, rate: float, stage: int, duration: float, worker: int, workers: int
) -> Iterator[Seconds]:
    """The share of one worker, in blocks: request ``worker`` of the stage and every ``workers``-th after it.

    All workers together start exactly the requests that one alone would have started.
    """
    first = worker
    for block in start_times(arrivals, rate, stage):
        own = block[first::workers]
        first = (first - len(block)) % workers
        yield own[own < duration]
        if block[-1] >= duration:
            return
