"""A hot set: a few targets that most requests are for."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from mmebench.errors import BadInputError
from mmebench.spec.popularity.popularity import DrawnPopularity, Shares
from mmebench.spec.strict import Share


class HotSet(DrawnPopularity):
    """The first ``targets`` targets share ``share`` of the requests, all others the rest."""

    kind: Literal["hot"]
    share: Share = Field(0.9, ge=0, le=1)
    targets: int = Field(ge=1)
    seed: int = Field(0, ge=0)

    def check(self, targets: Sequence[str]) -> None:
        """A set that is larger than all of them."""
        if self.targets > len(targets):
            raise BadInputError(
                f"workload.popularity.targets: got {self.targets}; allowed: up to {len(targets)}, "
                "as many as there are targets; make the hot set smaller, or targets.count larger"
            )

    def spread(self, targets: Sequence[str]) -> Shares:
        """Alike within the set, and outside of it; raises BadInputError if the set is larger than all."""
        self.check(targets)
        hot, cold = self.targets, len(targets) - self.targets
        share = self.share if cold else 1.0
        return np.concatenate([np.full(hot, share / hot), np.full(cold, (1 - share) / max(cold, 1))])
