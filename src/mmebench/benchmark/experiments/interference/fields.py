"""What a spec says of it."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from mmebench.spec.experiments import Experiment
from mmebench.spec.profile import Rate, StageDuration
from mmebench.spec.strict import Duration, OneOrSeveral

_LONGEST_WARMUP_SECONDS = 5.0
MOST_NEIGHBOURS = 4
"""Kinds of a fleet that are neighbours unless told: those of which a copy takes most memory."""


class Interference(Experiment):
    """One target under steady load while others load and are evicted: what a neighbour's cold start costs it."""

    kind: Literal["interference"]
    rate: Rate = Field(20.0, description="requests per second to the one target")
    every: Duration = Field(3.0, gt=0, description="from one neighbour's cold start to the next")
    duration: StageDuration = Field(60.0, description="without neighbours, and the same again with them")
    neighbours: OneOrSeveral[str] = Field(
        (), description="of a fleet: the models whose cold starts are looked at; the four largest unless told"
    )

    title: ClassVar[str] = "Interference"
    act: ClassVar[str] = "mmebench.benchmark.experiments.interference.act:act"
    words: ClassVar[str] = "mmebench.benchmark.experiments.interference.words:write"

    @property
    def warmup(self) -> float:
        """Seconds at the start of each half that do not count."""
        return min(_LONGEST_WARMUP_SECONDS, self.duration / 5)

    @property
    @override
    def models(self) -> tuple[str, ...]:
        return self.neighbours

    @property
    @override
    def seconds(self) -> float:
        return 2 * (self.duration + self.warmup)

    @override
    def times(self, kinds: int) -> int:
        return 1 if kinds == 1 else len(self.neighbours) or min(kinds, MOST_NEIGHBOURS)

    @model_validator(mode="after")
    def _some_neighbours(self) -> Self:
        if self.duration < self.every:
            raise ValueError(
                f"a duration of {self.duration:g} s has no cold start every {self.every:g} s; make it longer"
            )
        return self
