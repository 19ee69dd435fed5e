"""The targets of a load's requests: sequences of target numbers, pure functions of spec and seed.

Request number n of a load goes to a target that depends on the popularity and on n alone. Worker i of w takes the
numbers i, i + w, i + 2 w …, so that the same requests are made whatever the number of workers.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mmebench.spec.popularity.popularity import BLOCK, Popularity, Shares


def probabilities(popularity: Popularity, targets: Sequence[str]) -> Shares:
    """How likely each target is; sums to 1.

    Raises:
        BadInputError: the popularity speaks of targets that there are not.
    """
    spread = popularity.spread(targets)
    shares: Shares = spread / spread.sum()
    return shares


def pick_targets(popularity: Popularity, targets: Sequence[str], first: int = 0, step: int = 1) -> Iterator[int]:
    """The targets, as numbers, of the requests ``first``, ``first + step``, …, without end.

    Raises:
        BadInputError: see :func:`probabilities`.
    """
    cumulative = np.cumsum(probabilities(popularity, targets))
    return _pick(popularity, cumulative, first, step)


def _pick(popularity: Popularity, cumulative: Shares, first: int, step: int) -> Iterator[int]:
    number = first
    while True:
        block, at = divmod(number, BLOCK)
        taken = popularity.draw_block(cumulative, block)[at::step]
        yield from taken.tolist()
        number += len(taken) * step
