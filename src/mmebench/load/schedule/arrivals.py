"""Whose the requests of an open loop are: each worker's share of their times."""

from collections.abc import Iterator

from mmebench.spec.arrivals import RateArrivals
from mmebench.spec.arrivals.arrivals import Seconds


def own_times(
    arrivals: RateArrivals, rate: float, stage: int, duration: float, worker: int, workers: int
) -> Iterator[Seconds]:
    """The share of one worker, in blocks: request ``worker`` of the stage and every ``workers``-th after it.

    All workers together start exactly the requests that one alone would have started.
    """
    first = worker
    for block in arrivals.start_times(rate, stage):
        own = block[first::workers]
        first = (first - len(block)) % workers
        yield own[own < duration]
        if block[-1] >= duration:
            return
