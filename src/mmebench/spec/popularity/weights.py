"""Popularity by weights that somebody knows."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mmebench.errors import BadInputError
from mmebench.spec.popularity.popularity import DrawnPopularity, Shares
from mmebench.spec.strict import ListOrMapping

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Weights(DrawnPopularity):
    """Each target in proportion to its weight."""

    kind: Literal["weights"]
    weights: ListOrMapping[tuple[Weight, ...], dict[str, Weight]] = Field(
        description="a list with one weight a target, or a mapping by target; what it leaves out is not asked for"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _someone_is_asked(self) -> Self:
        if not sum(self.weights.values() if isinstance(self.weights, dict) else self.weights):
            raise ValueError("all weights are 0; give at least one target more than 0")
        return self

    def check(self, targets: Sequence[str]) -> None:
        """Weights of targets that are not among them, or more weights than targets."""
        if isinstance(self.weights, dict):
            unknown = sorted(self.weights.keys() - set(targets))
            if unknown:
                raise BadInputError(
                    f"workload.popularity.weights: no target {unknown[0]!r}; "
                    f"targets are {targets[0]} … {targets[-1]}; name some of them"
                )
        elif len(self.weights) > len(targets):
            raise BadInputError(
                f"workload.popularity.weights: got {len(self.weights)} for {len(targets)} targets; "
                "give one a target, or a mapping by target"
            )

    def spread(self, targets: Sequence[str]) -> Shares:
        """As given; raises BadInputError where they are not of these targets."""
        self.check(targets)
        if isinstance(self.weights, dict):
            return np.array([self.weights.get(target, 0) for target in targets], float)
        if len(self.weights) != len(targets):
            raise BadInputError(
                f"workload.popularity.weights: got {len(self.weights)} for {len(targets)} targets; "
                "give one a target, or a mapping by target"
            )
        return np.array(self.weights, float)
