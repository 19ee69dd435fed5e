"""Weibull arrivals: burstier than Poisson's below a shape of 1, more regular above it."""

from math import gamma
from typing import Literal

import numpy as np
from pydantic import Field

from mmebench.spec.arrivals import RenewalArrivals
from mmebench.spec.arrivals.arrivals import Seconds


class Weibull(RenewalArrivals):
    """Open loop: the distances between requests follow a Weibull distribution."""

    kind: Literal["weibull"]
    shape: float = Field(0.7, gt=0, le=10)
    seed: int = Field(0, ge=0)

    def gaps(self, random: np.random.Generator, count: int) -> Seconds:
        """With a mean of 1."""
        return random.weibull(self.shape, count) / gamma(1 + 1 / self.shape)
