"""What every kind of popularity is."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mmebench.spec.strict import Strict

BLOCK = 4096
"""Numbers drawn at once: drawing one by one would cost more than sending a request."""

Shares = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


class Popularity(Strict):
    """How requests spread over targets. All of it is a pure function of the fields."""

    kind: str
    traced: ClassVar[bool] = False
    """Whether the trace of the arrivals says which target each request is for."""

    @abstractmethod
    def spread(self, targets: Sequence[str]) -> Shares:
        """How many of the requests are for each target, in no unit; at least one is not 0.

        Raises:
            BadInputError: the popularity speaks of targets that there are not.
        """

    def check(self, targets: Sequence[str]) -> None:
        """Refuse what no number of these targets, taken from the first on, could do; raises BadInputError.

        It is asked before anybody knows how many there will be.
        """

    @abstractmethod
    def draw_block(self, cumulative: Shares, block: int) -> Numbers:
        """The targets, as numbers, of requests ``block * BLOCK`` to ``(block + 1) * BLOCK``.

        Args:
            cumulative: the running sum of the targets' shares, which add up to 1.
            block: which requests; the same for the same number, whoever asks.
        """


class DrawnPopularity(Popularity):
    """Each request's target is drawn by itself."""

    seed: int = 0

    def draw_block(self, cumulative: Shares, block: int) -> Numbers:
        """By the shares."""
        # The last sum may be a little less than 1, and no draw between it and 1 must find a target that is none.
        draws = np.random.default_rng((self.seed, block)).random(BLOCK) * cumulative[-1]
        numbers: Numbers = np.searchsorted(cumulative, draws, side="right")
        return numbers


class CyclicPopularity(Popularity):
    """One target after another."""

    def spread(self, targets: Sequence[str]) -> Shares:
        """All alike."""
        return np.ones(len(targets))

    def draw_block(self, cumulative: Shares, block: int) -> Numbers:
        """From the first to the last, again and again."""
        numbers: Numbers = np.arange(block * BLOCK, (block + 1) * BLOCK) % len(cumulative)
        return numbers
