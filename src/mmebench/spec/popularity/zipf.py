"""Popularity by Zipf's law."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from mmebench.spec.popularity.popularity import DrawnPopularity, Shares


class Zipf(DrawnPopularity):
    """A few targets get most requests: target number r (from 1) is asked for in proportion to 1 / r ** s."""

    kind: Literal["zipf"]
    s: float = Field(1.0, ge=0, le=10, description="0 is uniform; 1 is common for web content")
    seed: int = Field(0, ge=0)

    def spread(self, targets: Sequence[str]) -> Shares:
        """By the rank."""
        weights: Shares = np.arange(1, len(targets) + 1) ** -self.s
        return weights
