"""Poisson arrivals."""

from typing import Literal

import numpy as np
from pydantic import Field

from mmebench.spec.arrivals.arrivals import RenewalArrivals, Seconds


class Poisson(RenewalArrivals):
    """Open loop: requests start independently of each other, as those of many people do."""

    kind: Literal["poisson"]
    seed: int = Field(0, ge=0)

    def gaps(self, random: np.random.Generator, count: int) -> Seconds:
        """Exponential."""
        return random.standard_exponential(count)
