"""What every kind of arrivals is."""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mmebench.spec.strict import Strict

BLOCK = 4096
"""Times computed at once."""

Seconds = npt.NDArray[np.float64]


class Arrivals(Strict):
    """When requests start."""

    kind: str


class RateArrivals(Arrivals):
    """An open loop at a rate, which each stage gives: requests start whatever the endpoint does."""

    @abstractmethod
    def start_times(self, rate: float, stage: int) -> Iterator[Seconds]:
        """Seconds since the stage began at which its requests start, in ascending blocks without end.

        A pure function: the same for the same fields, rate (requests per second) and number of the stage, so that
        any number of client processes can each compute its share.
        """


class RenewalArrivals(RateArrivals):
    """Requests whose distances are independent of each other and all of one distribution."""

    seed: int = 0

    @abstractmethod
    def gaps(self, random: np.random.Generator, count: int) -> Seconds:
        """So many distances, whose mean is 1."""

    def start_times(self, rate: float, stage: int) -> Iterator[Seconds]:
        """The sums of the distances; each stage has its own."""
        block, last = 0, 0.0
        while True:
            random = np.random.default_rng((self.seed, stage, block))
            times = last + np.cumsum(self.gaps(random, BLOCK)) / rate
            yield times
            block, last = block + 1, float(times[-1])
