"""Targets that are all alike."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from mmebench.spec.popularity.popularity import DrawnPopularity, Shares


class Uniform(DrawnPopularity):
    """Each target is as likely as any other."""

    kind: Literal["uniform"] = "uniform"
    seed: int = Field(0, ge=0)

    def spread(self, targets: Sequence[str]) -> Shares:
        """All alike."""
        return np.ones(len(targets))
