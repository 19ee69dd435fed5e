"""What is asked of the endpoint: how many targets, with what payload, how often, at which load."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mmebench.spec.popularity import Popularity, Uniform
from mmebench.spec.strict import Duration, Strict


class Targets(Strict):
    """How many copies of the model stand behind the endpoint: a number, what fits, or a multiple of that."""

    count: int | Literal["capacity"] = Field(
        "capacity", description="a number (at least 1), or capacity: as many as fit without an eviction"
    )
    capacity: float | None = Field(None, gt=0, description="instead of count: this many times what fits")
    limit: int = Field(500, ge=1, description="the search for capacity stops here")
    threshold: float | None = Field(
        None, gt=0, le=1, description="stop filling at this share of memory instead of at the first eviction"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.capacity is not None and "count" in self.model_fields_set:
            raise ValueError("got both count and capacity; give one of them")
        if isinstance(self.count, int) and self.count < 1:
            raise ValueError(f"got count {self.count}; allowed: 1 or more, or capacity")
        return self


class Payload(Strict):
    """What one request carries."""

    encoding: Literal["binary", "json"] = Field("binary", description="tensors as raw bytes, or as JSON lists")
    batch: int = Field(1, ge=1, le=1024, description="rows in a request")
    sequence_length: int = Field(128, ge=1, description="tokens in a row of text")
    seed: int = 0


class ClosedLoop(Strict):
    """Each user waits for its answer, thinks, and sends the next request."""

    kind: Literal["closed"] = "closed"
    think_time: Duration = 0.0


class Stage(Strict):
    """One stretch of constant load."""

    users: int = Field(ge=1, le=100_000)
    duration: Duration = Field(30.0, gt=0, description="the whole stage, warm-up included")
    warmup: Duration | None = Field(
        None, description="left out of every figure; a fifth of the duration unless told"
    )

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if self.warmup is not None and self.warmup >= self.duration:
            raise ValueError(f"warm-up {self.warmup:g} s leaves nothing of the stage's {self.duration:g} s")
        return self

    @property
    def warmup_seconds(self) -> float:
        """The part at the start that does not count."""
        return self.duration / 5 if self.warmup is None else self.warmup


class Profile(Strict):
    """The stages, one after another."""

    stages: tuple[Stage, ...] = Field(
        tuple(Stage(users=users) for users in range(20, 201, 20)),
        min_length=1,
        description="20 to 200 users in steps of 20, 30 s each, unless told",
    )


class Workload(Strict):
    """What is asked of the endpoint: payload, popularity of the targets, arrivals, profile."""

    payload: Payload = Payload()
    popularity: Popularity = Uniform()
    arrivals: ClosedLoop = ClosedLoop()
    profile: Profile = Profile()


class Objectives(Strict):
    """What a stage must hold to count as served well. The run exits with 1 when no stage does."""

    p99: Duration | None = None
    failures: float | None = Field(None, ge=0, le=1, description="largest share of failed requests")
