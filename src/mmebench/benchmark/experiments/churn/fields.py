"""What a spec says of it."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from mmebench.spec.experiments import Experiment
from mmebench.spec.profile import StageDuration


class Churn(Experiment):
    """What an endpoint loses over many loads and evictions: memory, open files, threads, and time for a load."""

    kind: Literal["churn"]
    cycles: int = Field(
        1000, ge=50, le=10_000_000, description="how often a target is loaded, asked once and pushed out again"
    )
    at_once: int = Field(1, ge=1, le=64, description="how many targets are asked for at the same time")
    duration: StageDuration | None = Field(None, description="for how long, instead of a number of cycles")

    title: ClassVar[str] = "Churn"
    act: ClassVar[str] = "mmebench.benchmark.experiments.churn.act:act"
    words: ClassVar[str] = "mmebench.benchmark.experiments.churn.words:write"

    @property
    @override
    def seconds(self) -> float | None:
        return self.duration

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.duration is not None and "cycles" in self.model_fields_set:
            raise ValueError("got cycles and duration; give one of them")
        return self
