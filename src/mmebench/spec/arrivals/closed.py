"""The closed loop: users who wait for their answers."""

from collections.abc import Iterator
from itertools import count, repeat
from random import Random
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from mmebench.spec.arrivals.arrivals import Arrivals
from mmebench.spec.strict import Duration, Strict


class Between(Strict):
    """A duration that differs from time to time, each as likely as any other in between."""

    between: tuple[Duration, Duration]
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        low, high = self.between
        if low > high:
            raise ValueError(f"got between {low:g} and {high:g} s; write the shorter one first")
        return self


ThinkTime = Annotated[
    Annotated[Duration, Tag("(duration)")] | Annotated[Between, Tag("(between)")],
    Discriminator(lambda value: "(between)" if isinstance(value, dict | Between) else "(duration)"),
]


class ClosedLoop(Arrivals):
    """Each user waits for its answer, thinks, and sends the next request."""

    kind: Literal["closed"] = "closed"
    think_time: ThinkTime = Field(0.0, description="a duration, or {between: [50ms, 500ms]}")

    def think_times(self, process: int) -> Iterator[float] | None:
        """Seconds to think, again and again; None for users who do not. Each client process has its own."""
        if isinstance(self.think_time, Between):
            random = Random(f"{self.think_time.seed} {process}")
            low, high = self.think_time.between
            return (random.uniform(low, high) for _ in count())
        return repeat(self.think_time) if self.think_time else None
