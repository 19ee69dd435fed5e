"""What a spec says of it."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from mmebench.spec.endpoints import ServedEndpoint
from mmebench.spec.experiments import Experiment
from mmebench.spec.profile import LoadedStage, Stage


class ScaleOut(Experiment):
    """A step of the load: how long until instances are added for it, and until it is served as before."""

    kind: Literal["scale_out"]
    before: LoadedStage = Field(Stage(rate=5.0, duration=60.0, warmup=10.0), description="as it usually is")
    after: LoadedStage = Field(
        Stage(rate=20.0, duration=600.0, warmup=0.0),
        description="from one moment on; more than endpoint.autoscaling.invocations_per_instance a minute",
    )
    ratio: float = Field(1.0, gt=0, le=100, description="targets, as a multiple of what fits")
    zipf: float = Field(1.1, ge=0, le=10, description="popularity of the targets: 0 is uniform")

    title: ClassVar[str] = "Scale-out"
    act: ClassVar[str] = "mmebench.benchmark.experiments.scale_out.act:act"
    words: ClassVar[str] = "mmebench.benchmark.experiments.scale_out.words:write"

    @property
    @override
    def seconds(self) -> float:
        return self.before.duration + self.after.duration

    @override
    def cannot_run_on(self, endpoint: ServedEndpoint) -> str | None:
        return super().cannot_run_on(endpoint) or endpoint.cannot_scale

    @model_validator(mode="after")
    def _a_step(self) -> Self:
        if (self.before.rate is None) != (self.after.rate is None):
            raise ValueError(
                "before and after: got a rate and users; allowed: both a rate, or both users; change one"
            )
        return self
