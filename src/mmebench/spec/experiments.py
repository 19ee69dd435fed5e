"""Experiments: what only a multi-model endpoint can show, asked for in a spec beside the load itself."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmebench.spec.profile import Rate, Stage, StageDuration
from mmebench.spec.strict import Duration, Strict


class ColdStarts(Strict):
    """How long the first invocation of a target takes, and what on: alone, and beside others that start too."""

    kind: Literal["cold_starts"]
    count: int = Field(12, ge=1, le=10_000, description="cold starts at each concurrency")
    concurrency: tuple[Annotated[int, Field(ge=1, le=256)], ...] = Field(
        (1, 2, 4), min_length=1, description="how many targets are asked for at once"
    )
    warm: int = Field(5, ge=1, le=1000, description="warm invocations after each, to compare with")


class WorkingSet(Strict):
    """The same load on more and more targets than fit: hits, cold starts, and where thrash begins."""

    kind: Literal["working_set"]
    ratios: tuple[Annotated[float, Field(gt=0, le=100)], ...] = Field(
        (0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0), min_length=1, description="targets, as multiples of what fits"
    )
    zipf: tuple[Annotated[float, Field(ge=0, le=10)], ...] = Field(
        (0.0, 0.8, 1.2), min_length=1, description="popularity of the targets: 0 is uniform"
    )
    stage: Stage = Field(
        Stage(users=4, duration=40.0, warmup=10.0),
        description="the load on each: users of a closed loop, or a rate, whose requests come at random",
    )

    @model_validator(mode="after")
    def _some_load(self) -> Self:
        if self.stage.users is None and self.stage.rate is None:
            raise ValueError("stage needs users, or a rate")
        return self


class Interference(Strict):
    """One target under steady load while others load and are evicted: what a neighbour's cold start costs it."""

    kind: Literal["interference"]
    rate: Rate = Field(20.0, description="requests per second to the one target")
    every: Duration = Field(3.0, gt=0, description="from one neighbour's cold start to the next")
    duration: StageDuration = Field(60.0, description="without neighbours, and the same again with them")

    @model_validator(mode="after")
    def _some_neighbours(self) -> Self:
        if self.duration < self.every:
            raise ValueError(f"a duration of {self.duration:g} s has no cold start every {self.every:g} s")
        return self


Experiment = Annotated[ColdStarts | WorkingSet | Interference, Field(discriminator="kind")]
