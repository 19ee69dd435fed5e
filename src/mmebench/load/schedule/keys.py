"""Which requests are made: keys, which say target and body."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np

from mmebench.load.schedule.popularity import pick_targets
from mmebench.load.schedule.trace import TracedRequest
from mmebench.spec import Workload
from mmebench.spec.popularity.popularity import BLOCK

_STAGE_NUMBERS = 2**32
"""Request numbers that a stage of an open loop has to itself."""


def pick_keys(
    workload: Workload, targets: tuple[str, ...], bodies: int, worker: int, workers: int, stage: int = 0
) -> Iterator[int]:
    """The keys of requests ``worker``, ``worker + workers``, … of a stage, without end.

    Raises:
        BadInputError: the popularity does not fit the targets.
    """
    first = stage * _STAGE_NUMBERS + worker
    if workload.popularity.traced:
        numbers: Iterator[int] = repeat(0)  # the trace itself says which
    else:
        numbers = pick_targets(workload.popularity, targets, first, workers)
    if bodies == 1:
        return numbers
    pairs = zip(numbers, _pick_bodies(workload.payload.seed, bodies, first, workers), strict=False)
    return (target * bodies + body for target, body in pairs)


def _pick_bodies(seed: int, bodies: int, first: int, step: int) -> Iterator[int]:
    """The body of each request, drawn from the pool; it too depends on the seed and the number only."""
    number = first
    while True:
        block, at = divmod(number, BLOCK)
        taken = np.random.default_rng((seed, block, bodies)).integers(0, bodies, BLOCK)[at::step]
        yield from taken.tolist()
        number += len(taken) * step


def trace_keys(
    trace: tuple[TracedRequest, ...],
    workload: Workload,
    targets: tuple[str, ...],
    pool: int,
    payloads: Sequence[Path],
) -> list[tuple[float, int]]:
    """Second and key of each request of a trace.

    Its targets are the trace's where the popularity says so, and drawn otherwise. Its body is the one that it
    names, of ``payloads``, which follow the ``pool`` that is drawn from for those that name none.
    """
    bodies = {path: pool + number for number, path in enumerate(payloads)}
    drawn = pick_keys(workload, targets, pool, 0, 1)
    found = []
    for request, key in zip(trace, drawn, strict=False):
        target, body = divmod(key, pool)
        if workload.popularity.traced:
            assert request.target is not None, "read_trace was asked for targets"
            target = request.target
        if request.payload is not None:
            body = bodies[request.payload]
        found.append((request.seconds, target * (pool + len(payloads)) + body))
    return found
