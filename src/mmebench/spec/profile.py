"""How the load changes over time: stages, a ramp of them, a search for the largest load that is served well, or
whatever stages tell most."""

from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from mmebench.spec.strict import Duration, OneOrSeveral, Share, ShortFor, Strict

MOST_AT_ONCE = 256
"""Requests that an open loop has under way at once unless told; any more wait, and the wait counts."""

Users = Annotated[int, Field(ge=1, le=100_000)]
Rate = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("got 0; this takes time; write e.g. 30s")
    return seconds


StageDuration = Annotated[Duration, AfterValidator(_positive)]


class Timed(Strict):
    """How long a stage takes and which part of it counts."""

    duration: StageDuration = Field(30.0, description="the whole stage, warm-up included")
    warmup: Duration | None = Field(
        None, description="left out of every figure; a fifth of the duration unless told"
    )

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if self.warmup is not None and self.warmup >= self.duration:
            raise ValueError(
                f"warm-up {self.warmup:g} s leaves nothing of the stage's {self.duration:g} s; make it shorter"
            )
        return self

    @property
    def warmup_seconds(self) -> float:
        """The part at the start that does not count."""
        return self.duration / 5 if self.warmup is None else self.warmup


class Stage(Timed):
    """One stretch of constant load."""

    users: Users | None = Field(
        None,
        description=f"of a closed loop; of an open loop the most requests at once, {MOST_AT_ONCE} unless told",
    )
    rate: Rate | None = Field(None, description="requests per second of an open loop")

    @property
    def concurrency(self) -> int:
        """Users of a closed loop; the most requests at once of an open one."""
        return MOST_AT_ONCE if self.users is None else self.users


def _some_load(stage: Stage) -> Stage:
    if stage.users is None and stage.rate is None:
        raise ValueError("got neither users nor a rate; allowed: one of them; write e.g. {users: 4}")
    return stage


LoadedStage = Annotated[Stage, AfterValidator(_some_load)]
"""One that says itself what its load is: users of a closed loop, or a rate, whose requests come at random."""


class Ramp(Timed):
    """Stages in equal steps: of users in a closed loop, of the rate in an open one."""

    model_config = ConfigDict(populate_by_name=True)

    first: Rate = Field(alias="from")
    last: Rate = Field(alias="to")
    step: float | None = Field(None, gt=0, description="from one stage to the next; or give steps")
    steps: int | None = Field(None, ge=2, le=1000, description="number of stages; or give step")
    users: Users | None = Field(None, description="the most requests at once of an open loop")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.step is None) == (self.steps is None):
            raise ValueError("got neither step nor steps, or both; give step or steps, one of them")
        if self.step is not None and abs(self.last - self.first) / self.step >= 1000:
            raise ValueError(f"step {self.step:g} makes over 1000 stages; allowed: up to 1000; make it larger")
        return self

    @property
    def loads(self) -> list[float]:
        """The load of each stage; a step that does not divide the ramp ends below its end."""
        if self.steps is not None:
            return [float(load) for load in np.linspace(self.first, self.last, self.steps)]
        assert self.step is not None
        count = int(abs(self.last - self.first) / self.step + 1e-9) + 1
        step = self.step if self.last >= self.first else -self.step
        return [self.first + number * step for number in range(count)]


class Search(Timed):
    """Find the largest load that meets the objectives: users in a closed loop, the rate in an open one.

    The load is doubled from stage to stage until one misses an objective; then the distance between what was
    met and what was missed is halved until it is small enough.
    """

    model_config = ConfigDict(populate_by_name=True)

    first: Rate = Field(1.0, alias="from", description="the first load that is tried")
    limit: Rate = Field(10_000.0, description="no more than this is tried")
    tolerance: Share = Field(0.05, gt=0, lt=1, description="stop when met and missed are this close, as a share")
    users: Users | None = Field(None, description="the most requests at once of an open loop")

    @model_validator(mode="after")
    def _from_below(self) -> Self:
        if self.first > self.limit:
            raise ValueError(
                f"from {self.first:g} is over the limit {self.limit:g}; raise the limit, or begin lower"
            )
        return self


class Auto(Strict):
    """Find the knee, and the largest load that holds the objectives, with as little load as that takes.

    Users of a closed loop are doubled until more of them bring no more answers; then what lies between is tried
    where the answers so far say that it is. A stage ends as soon as its figures are steady and precise enough;
    where that begins is where it counts from. What was found goes on until its percentiles are as precise, too.
    """

    model_config = ConfigDict(populate_by_name=True)

    first: Users = Field(1, alias="from", description="the first load that is tried, in users")
    limit: Users = Field(256, description="no more than this is tried")
    precision: Share = Field(
        0.05,
        ge=0.005,
        lt=1,
        description="half of a 95 % confidence interval, as a share of its figure; on the way twice that",
    )
    longest: StageDuration = Field(
        30.0, ge=5, description="a stage ends after this, however precise it is by then"
    )

    @model_validator(mode="after")
    def _from_below(self) -> Self:
        if self.first > self.limit:
            raise ValueError(f"from {self.first} is over the limit {self.limit}; raise the limit, or begin lower")
        return self


class Stationary(Strict):
    """End a stage as soon as its figures are stable, and go on with one that is not.

    Stable: throughput and mean latency of the last three windows each differ by no more than ``tolerance``.
    """

    window: Duration = Field(5.0, ge=1)
    tolerance: Share = Field(0.1, gt=0, lt=1)
    limit: StageDuration | None = Field(None, description="longest stage; three times its duration unless told")


_KINDS = ("stages", "ramp", "search", "auto")


class Profile(Strict):
    """The stages one after another, a ramp, a search, or auto; without any, 20 to 200 users in steps of 20."""

    stages: OneOrSeveral[Stage] = ()
    ramp: Ramp | None = None
    search: Search | None = None
    auto: Auto | None = None
    stationary: Stationary | None = Field(
        None, description="null: each stage takes its duration exactly, but those of auto"
    )

    @model_validator(mode="before")
    @classmethod
    def _default(cls, value: Any) -> Any:
        if value == "auto":
            return {"auto": {}}
        if isinstance(value, dict) and value.keys().isdisjoint(_KINDS):
            return value | {"stages": [{"users": users} for users in range(20, 201, 20)]}
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in _KINDS if getattr(self, kind)]
        if len(given) > 1:
            raise ValueError(f"got {' and '.join(given)}; give one of them")
        if not given:
            raise ValueError("stages is empty; allowed: 1 or more; write e.g. stages: [{users: 4, duration: 30s}]")
        if self.auto is not None and self.stationary is not None:
            raise ValueError("stationary: stages of auto end by themselves; leave it out")
        limit = None if self.stationary is None else self.stationary.limit
        for each in (*self.stages, self.ramp, self.search):
            if each is not None and limit is not None and limit <= each.warmup_seconds:
                raise ValueError(
                    f"stationary.limit of {limit:g} s leaves nothing after {each.warmup_seconds:g} s of warm-up; "
                    "raise it, or make warmup shorter"
                )
        return self


AnyProfile = Annotated[Profile, ShortFor("stages", (list, tuple))]
"""A bare list is short for ``{stages: […]}``."""
