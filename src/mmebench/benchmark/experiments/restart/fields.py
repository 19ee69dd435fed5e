"""What a spec says of it."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from mmebench.spec.endpoints import ServedEndpoint
from mmebench.spec.experiments import Experiment
from mmebench.spec.profile import LoadedStage, Stage
from mmebench.spec.strict import Duration


class Restart(Experiment):
    """Everything is cold from one moment on, under load: how long until hit ratio and p99 are as they were."""

    kind: Literal["restart"]
    by: Literal["deployment", "loss"] = Field(
        "deployment",
        description="deployment: new instances take the place of all, and the old ones answer what they have; "
        "loss: the container of one instance is killed, and started again",
    )
    at: Duration = Field(30.0, gt=0, description="after the warm-up; until then it is as it usually is")
    ratio: float = Field(1.0, gt=0, le=100, description="targets, as a multiple of what fits")
    zipf: float = Field(1.1, ge=0, le=10, description="popularity of the targets: 0 is uniform")
    stage: LoadedStage = Field(
        Stage(users=4, duration=120.0, warmup=10.0),
        description="the load: users of a closed loop, or a rate, whose requests come at random",
    )

    title: ClassVar[str] = "Restart"
    act: ClassVar[str] = "mmebench.benchmark.experiments.restart.act:act"
    words: ClassVar[str] = "mmebench.benchmark.experiments.restart.words:write"

    @property
    @override
    def seconds(self) -> float:
        return self.stage.duration

    @property
    def happens(self) -> float:
        """Seconds after the load began."""
        return self.stage.warmup_seconds + self.at

    @override
    def cannot_run_on(self, endpoint: ServedEndpoint) -> str | None:
        own = endpoint.cannot_deploy if self.by == "deployment" else endpoint.cannot_lose
        return super().cannot_run_on(endpoint) or own

    @model_validator(mode="after")
    def _there_is_time_for_it(self) -> Self:
        if self.happens >= self.stage.duration:
            raise ValueError(
                f"at: got {self.at:g} s after {self.stage.warmup_seconds:g} s of warm-up; allowed: less than the "
                f"{self.stage.duration:g} s of the stage; make that longer"
            )
        return self
