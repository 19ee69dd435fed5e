"""What a spec says of it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from mmebench.spec.experiments import Experiment
from mmebench.spec.strict import OneOrSeveral

Share = Annotated[float, Field(gt=0, le=1e6)]
Mix = Annotated[dict[str, Share], Field(min_length=1, examples=[{"photos": 1, "reviews": 3}])]


class Mixes(Experiment):
    """Other mixes of a fleet's models: how many of each should fit together, and how many do."""

    kind: Literal["mixes"]
    mixes: OneOrSeveral[Mix] = Field(
        (),
        description="parts of each model in another mix; unless told, what fits turned round: most of the least",
    )

    title: ClassVar[str] = "Other mixes"
    act: ClassVar[str] = "mmebench.benchmark.experiments.mixes.act:act"
    words: ClassVar[str] = "mmebench.benchmark.experiments.mixes.words:write"
    of_fleets: ClassVar[bool] = True

    @property
    @override
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for mix in self.mixes for name in mix))
