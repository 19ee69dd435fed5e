"""How requests spread over targets: endless sequences of target numbers, pure functions of spec and seed."""

from collections.abc import Iterator

import numpy as np

from mmebench.spec import Uniform

_DRAW = 4096
"""Numbers drawn at once: drawing one by one would cost more than sending a request."""


def pick_targets(popularity: Uniform, targets: int) -> Iterator[int]:
    """The target of each request, in order, as a number below ``targets``; the same sequence for the same seed."""
    random = np.random.default_rng(popularity.seed)
    while True:
        yield from random.integers(0, targets, _DRAW).tolist()
