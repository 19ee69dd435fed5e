"""How requests spread over targets: sequences of target numbers, pure functions of spec and seed.

Request number n of a load goes to a target that depends on the seed and on n alone. Worker i of w takes the
numbers i, i + w, i + 2 w …, so that the same requests are made whatever the number of workers.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mmebench.errors import BadInputError
from mmebench.spec.popularity import HotSet, Popularity, RoundRobin, TracedTargets, Uniform, Weights, Zipf

BLOCK = 4096
"""Numbers drawn at once: drawing one by one would cost more than sending a request."""

Numbers = npt.NDArray[np.int64]


def probabilities(popularity: Popularity, targets: Sequence[str]) -> npt.NDArray[np.float64]:
    """How likely each target is; sums to 1.

    Raises:
        BadInputError: the popularity speaks of targets that there are not.
    """
    count = len(targets)
    match popularity:
        case Zipf():
            weights = popularity.weights(count)
        case HotSet():
            if popularity.targets > count:
                raise BadInputError(
                    f"workload.popularity.targets: got {popularity.targets}; allowed: up to {count}, "
                    "as many as there are targets"
                )
            weights = _hot_weights(popularity, count)
        case Weights():
            weights = np.array(_weights(popularity, targets), float)
        case Uniform() | RoundRobin() | TracedTargets():
            weights = np.ones(count)
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


def _hot_weights(popularity: HotSet, count: int) -> npt.NDArray[np.float64]:
    hot, cold = popularity.targets, count - popularity.targets
    share = popularity.share if cold else 1.0
    return np.concatenate([np.full(hot, share / hot), np.full(cold, (1 - share) / max(cold, 1))])


def _weights(popularity: Weights, targets: Sequence[str]) -> list[float]:
    if isinstance(popularity.weights, dict):
        unknown = sorted(popularity.weights.keys() - set(targets))
        if unknown:
            raise BadInputError(
                f"workload.popularity.weights: no target {unknown[0]!r}; targets are {targets[0]} … {targets[-1]}"
            )
        return [popularity.weights.get(target, 0) for target in targets]
    if len(popularity.weights) != len(targets):
        raise BadInputError(
            f"workload.popularity.weights: got {len(popularity.weights)} for {len(targets)} targets; "
            "give one a target, or a mapping by target"
        )
    return list(popularity.weights)


def draw_block(popularity: Popularity, cumulative: npt.NDArray[np.float64], block: int) -> Numbers:
    """The targets of requests ``block * BLOCK`` to ``(block + 1) * BLOCK``.

    ``cumulative`` is the running sum of :func:`probabilities`.
    """
    if isinstance(popularity, RoundRobin | TracedTargets):
        return np.arange(block * BLOCK, (block + 1) * BLOCK) % len(cumulative)
    # The last sum may be a little less than 1, and a draw between it and 1 must not find a target that is none.
    draws = np.random.default_rng((popularity.seed, block)).random(BLOCK) * cumulative[-1]
    numbers: Numbers = np.searchsorted(cumulative, draws, side="right")
    return numbers


def pick_targets(popularity: Popularity, targets: Sequence[str], first: int = 0, step: int = 1) -> Iterator[int]:
    """The targets, as numbers, of the requests ``first``, ``first + step``, …, without end.

    Raises:
        BadInputError: see :func:`probabilities`.
    """
    cumulative = np.cumsum(probabilities(popularity, targets))
    return _pick(popularity, cumulative, first, step)


def _pick(popularity: Popularity, cumulative: npt.NDArray[np.float64], first: int, step: int) -> Iterator[int]:
    number = first
    while True:
        block, at = divmod(number, BLOCK)
        taken = draw_block(popularity, cumulative, block)[at::step]
        yield from taken.tolist()
        number += len(taken) * step
