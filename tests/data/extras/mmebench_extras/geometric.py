"""A geometric popularity: each target gets the same share of what the one before it gets."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from mmebench.spec.popularity import DrawnPopularity
from mmebench.spec.popularity.popularity import Shares


class Geometric(DrawnPopularity):
    """Target number n is asked for in proportion to ``ratio ** n``."""

    kind: Literal["geometric"]
    ratio: float = Field(0.5, gt=0, le=1)
    seed: int = Field(0, ge=0)

    def spread(self, targets: Sequence[str]) -> Shares:
        """By the number."""
        spread: Shares = self.ratio ** np.arange(len(targets), dtype=float)
        return spread
