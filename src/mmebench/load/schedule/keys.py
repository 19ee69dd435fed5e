"""Which requests are made: keys, which say target and body."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmebench.load.asked_kind import AskedKind
from mmebench.load.schedule.mix import deal
from mmebench.load.schedule.popularity import probabilities
from mmebench.load.schedule.trace import TracedRequest
from mmebench.spec import Workload
from mmebench.spec.popularity.popularity import BLOCK

_STAGE_NUMBERS = 2**32
"""Request numbers that a stage of an open loop has to itself."""

Numbers = npt.NDArray[np.int64]


def pick_keys(
    kinds: Sequence[AskedKind],
    pools: Sequence[int],
    bodies: int,
    seed: int,
    worker: int,
    workers: int,
    stage: int = 0,
) -> Iterator[int]:
    """The keys of requests ``worker``, ``worker + workers``, … of a stage, without end.

    A request's kind is dealt out by the kinds' shares. As the n-th request of its kind, it is for the target and
    has the body that the n-th request of a load on this kind alone would have.

    Args:
        kinds: what is asked for.
        pools: of each kind, how many bodies its requests are drawn from.
        bodies: how many there are, those of a trace included.
        seed: of the order of the kinds.
        worker, workers: whose requests, and of how many.
        stage: which one; each has requests of its own.

    Raises:
        BadInputError: a popularity does not fit the targets.
    """
    own = _own_keys(kinds, pools, bodies, stage * _STAGE_NUMBERS)
    at = worker
    for dealt in deal([kind.requests for kind in kinds], seed, stage):
        keys = np.empty(len(dealt.kinds), np.int64)
        by_kind = np.argsort(dealt.kinds, kind="stable")
        keys[by_kind] = np.concatenate([each.take(much) for each, much in zip(own, dealt.counts, strict=True)])
        taken = keys[at::workers]
        yield from taken.tolist()
        at += len(taken) * workers - len(keys)


class _OwnKeys:
    """The keys of one kind's requests, in their order."""

    def __init__(self, blocks: Iterator[Numbers]) -> None:
        self._blocks = blocks
        self._left = np.empty(0, np.int64)

    def take(self, much: int) -> Numbers:
        """So many more of them."""
        parts = [np.empty(0, np.int64)]
        while much:
            if not len(self._left):
                self._left = next(self._blocks)
            parts.append(self._left[:much])
            self._left = self._left[much:]
            much -= len(parts[-1])
        return np.concatenate(parts)


def _own_keys(kinds: Sequence[AskedKind], pools: Sequence[int], bodies: int, first: int) -> list[_OwnKeys]:
    """Of each kind, from its request number ``first`` on, at which a block begins."""
    first_targets = accumulate((len(kind.targets) for kind in kinds), initial=0)
    first_bodies = accumulate(pools, initial=0)
    return [
        _OwnKeys(_blocks(kind, pool, bodies, target * bodies + body, first // BLOCK))
        for kind, pool, target, body in zip(kinds, pools, first_targets, first_bodies, strict=False)
    ]


def _blocks(kind: AskedKind, pool: int, bodies: int, first_key: int, first_block: int) -> Iterator[Numbers]:
    """Of one kind, whose first target with its first body has ``first_key``."""
    cumulative = np.cumsum(probabilities(kind.popularity, kind.targets))
    for block in count(first_block):
        # A trace says itself which target it asks for; of one there is nothing to draw.
        drawn = not kind.popularity.traced and len(kind.targets) > 1
        targets = kind.popularity.draw_block(cumulative, block) if drawn else np.zeros(BLOCK, np.int64)
        yield first_key + targets * bodies + _draw_bodies(kind.payload.seed, pool, block)


def _draw_bodies(seed: int, pool: int, block: int) -> Numbers:
    """The bodies of a kind's requests; they too depend on the seed and a request's number only."""
    if pool == 1:
        return np.zeros(BLOCK, np.int64)
    return np.random.default_rng((seed, block, pool)).integers(0, pool, BLOCK)


def trace_keys(
    trace: tuple[TracedRequest, ...],
    workload: Workload,
    kinds: Sequence[AskedKind],
    pools: Sequence[int],
    payloads: Sequence[Path],
) -> list[tuple[float, int]]:
    """Second and key of each request of a trace.

    Its targets are the trace's where the popularity says so, and drawn otherwise. Its body is the one that it
    names, of ``payloads``, which follow those of the kinds, each once for each kind, or else one of its target's
    kind.
    """
    bodies = sum(pools) + len(payloads) * len(kinds)
    named = {path: sum(pools) + number * len(kinds) for number, path in enumerate(payloads)}
    kind_of = _kind_of(kinds)
    if workload.popularity.traced:
        keys = _keys_of_targets(trace, kinds, pools, bodies)
    else:
        keys = pick_keys(kinds, pools, bodies, workload.seed, 0, 1)
    found = []
    for request, key in zip(trace, keys, strict=False):
        if request.payload is not None:
            target = key // bodies
            key = target * bodies + named[request.payload] + kind_of[target]
        found.append((request.seconds, key))
    return found


def _kind_of(kinds: Sequence[AskedKind]) -> list[int]:
    """The number of each target's kind."""
    return [number for number, kind in enumerate(kinds) for _ in kind.targets]


def _keys_of_targets(
    trace: tuple[TracedRequest, ...], kinds: Sequence[AskedKind], pools: Sequence[int], bodies: int
) -> Iterator[int]:
    """The keys of requests for the targets of a trace, with bodies as they are drawn for their kinds."""
    own = _own_keys(kinds, pools, bodies, 0)
    first_target = list(accumulate((len(kind.targets) for kind in kinds), initial=0))
    kind_of = _kind_of(kinds)
    for request in trace:
        assert request.target is not None, "read_trace was asked for targets"
        kind = kind_of[request.target]
        # Of a traced popularity each is for the first target of its kind.
        yield (request.target - first_target[kind]) * bodies + int(own[kind].take(1)[0])
