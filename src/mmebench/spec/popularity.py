"""How requests spread over targets."""

from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from mmebench.spec.strict import ListOrMapping, Strict

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Uniform(Strict):
    """Each target is as likely as any other."""

    kind: Literal["uniform"] = "uniform"
    seed: int = Field(0, ge=0)


class Zipf(Strict):
    """A few targets get most requests: target number r (from 1) is asked for in proportion to 1 / r ** s."""

    kind: Literal["zipf"]
    s: float = Field(1.0, ge=0, le=10, description="0 is uniform; 1 is common for web content")
    seed: int = Field(0, ge=0)

    def weights(self, count: int) -> npt.NDArray[np.float64]:
        """Of so many targets, in no unit."""
        weights: npt.NDArray[np.float64] = np.arange(1, count + 1) ** -self.s
        return weights


class HotSet(Strict):
    """The first ``targets`` targets share ``share`` of the requests, all others the rest."""

    kind: Literal["hot"]
    share: float = Field(0.9, ge=0, le=1)
    targets: int = Field(ge=1)
    seed: int = Field(0, ge=0)


class RoundRobin(Strict):
    """One target after another: the worst that an endpoint with too little memory can meet."""

    kind: Literal["round_robin"]


class Weights(Strict):
    """Each target in proportion to its weight."""

    kind: Literal["weights"]
    weights: ListOrMapping[tuple[Weight, ...], dict[str, Weight]] = Field(
        description="a list with one weight a target, or a mapping by target; what it leaves out is not asked for"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _someone_is_asked(self) -> Self:
        weights = self.weights.values() if isinstance(self.weights, dict) else self.weights
        if not sum(weights):
            raise ValueError("all weights are 0; at least one target must be asked for")
        return self


class TracedTargets(Strict):
    """The targets that the trace of the arrivals names."""

    kind: Literal["trace"]


Popularity = Annotated[Uniform | Zipf | HotSet | RoundRobin | Weights | TracedTargets, Field(discriminator="kind")]
