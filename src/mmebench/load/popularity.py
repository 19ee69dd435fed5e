"""How requests spread over targets: endless sequences, pure functions of the spec and its seed."""

import random
from collections.abc import Iterator, Sequence

from mmebench.spec import Uniform


def pick_targets(popularity: Uniform, targets: Sequence[str]) -> Iterator[str]:
    """The target of each request, in order; the same sequence for the same seed and targets."""
    choose = random.Random(popularity.seed).choice
    while True:
        yield choose(targets)
