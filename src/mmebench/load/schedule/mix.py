"""The mix: which kind of model each request of a load is for.

Requests are dealt out by the shares of the kinds, exactly in every :data:`ROUND` requests, and within a round in
an order of chance. Turns in a fixed order would be something else: an endpoint that evicts what was used least
recently never has what comes next in a circle, and hits far more often where requests come as they like.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

ROUND = 10_000
"""Requests that are dealt out together: so many that even a kind with one in a thousand comes as if by chance."""

Numbers = npt.NDArray[np.int64]


class Round(NamedTuple):
    """:data:`ROUND` requests of a stage."""

    kinds: Numbers
    """Of each request, in their order."""
    counts: list[int]
    """Of each kind: how many of them it has."""


def deal(shares: Sequence[float], seed: int, stage: int) -> Iterator[Round]:
    """The rounds of a stage, one after another, without end; the same for the same arguments.

    Args:
        shares: of each kind; they add up to 1.
        seed: of the order.
        stage: which one.
    """
    wanted, given = np.array(shares, float), np.zeros(len(shares), np.int64)
    number = 0
    while True:
        counts = _whole(wanted * (ROUND * (number + 1)) - given)
        kinds = np.repeat(np.arange(len(counts)), counts)
        if len(counts) > 1:
            np.random.default_rng((seed, stage, number)).shuffle(kinds)
        yield Round(kinds, counts.tolist())
        given += counts
        number += 1


def _whole(owed: npt.NDArray[Any]) -> Numbers:
    """Whole numbers near ``owed`` that add up to :data:`ROUND`; what is left over goes to large remainders."""
    counts: Numbers = np.floor(np.maximum(owed, 0) + 1e-9).astype(np.int64)
    over = ROUND - int(counts.sum())
    while over:
        step = np.sign(over)
        last = np.argsort((counts - owed) * step, kind="stable")
        allowed = last if step > 0 else last[counts[last] > 0]
        counts[allowed[: abs(over)]] += step
        over = ROUND - int(counts.sum())
    return counts
