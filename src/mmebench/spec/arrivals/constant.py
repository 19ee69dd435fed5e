"""Constant arrivals."""

from collections.abc import Iterator
from itertools import count
from typing import Literal

import numpy as np

from mmebench.spec.arrivals.arrivals import BLOCK, RateArrivals, Seconds


class ConstantRate(RateArrivals):
    """Open loop: requests start at equal distances, whatever the endpoint does."""

    kind: Literal["constant"]

    def start_times(self, rate: float, stage: int) -> Iterator[Seconds]:
        """From 0, ``1 / rate`` apart."""
        for block in count():
            yield np.arange(block * BLOCK, (block + 1) * BLOCK) / rate
