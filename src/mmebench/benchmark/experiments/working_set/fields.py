"""What a spec says of it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from mmebench.spec.experiments import Experiment
from mmebench.spec.profile import LoadedStage, Stage
from mmebench.spec.strict import EachOnce, OneOrSeveral


class WorkingSet(Experiment):
    """The same load on more and more targets than fit: hits, cold starts, and where thrash begins."""

    kind: Literal["working_set"]
    ratios: Annotated[OneOrSeveral[Annotated[float, Field(gt=0, le=100)]], EachOnce] = Field(
        (0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0), min_length=1, description="targets, as multiples of what fits"
    )
    zipf: Annotated[OneOrSeveral[Annotated[float, Field(ge=0, le=10)]], EachOnce] = Field(
        (0.0, 0.8, 1.2), min_length=1, description="popularity of the targets: 0 is uniform"
    )
    stage: LoadedStage = Field(
        Stage(users=4, duration=40.0, warmup=10.0),
        description="the load on each: users of a closed loop, or a rate, whose requests come at random",
    )

    title: ClassVar[str] = "Working set"
    act: ClassVar[str] = "mmebench.benchmark.experiments.working_set.act:act"
    words: ClassVar[str] = "mmebench.benchmark.experiments.working_set.words:write"

    @property
    @override
    def seconds(self) -> float:
        return len(self.ratios) * len(self.zipf) * self.stage.duration

    @override
    def check(self, clients: int) -> None:
        if self.stage.rate is not None and self.stage.users is not None and self.stage.users < clients:
            raise ValueError(
                f"experiments: working_set: {self.stage.users} requests at once are too few for {clients} client "
                "processes, each of which has its share of an open loop; give at least as many users"
            )
