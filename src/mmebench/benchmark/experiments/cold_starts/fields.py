"""What a spec says of it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mmebench.spec.experiments import Experiment
from mmebench.spec.strict import EachOnce, OneOrSeveral


class ColdStarts(Experiment):
    """How long the first invocation of a target takes, and what on: alone, and beside others that start too."""

    kind: Literal["cold_starts"]
    count: int = Field(12, ge=1, le=10_000, description="cold starts at each concurrency")
    concurrency: Annotated[OneOrSeveral[Annotated[int, Field(ge=1, le=256)]], EachOnce] = Field(
        (1, 2, 4), min_length=1, description="how many targets are on their way at once, all the time"
    )
    warm: int = Field(5, ge=1, le=1000, description="warm invocations of each of the last ones, to compare with")

    title: ClassVar[str] = "Cold starts"
    act: ClassVar[str] = "mmebench.benchmark.experiments.cold_starts.act:act"
    words: ClassVar[str] = "mmebench.benchmark.experiments.cold_starts.words:write"
