"""Planning: for how many models and which traffic a number of instances is asked, and what is assumed."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmebench.spec.routing import AnyRouting, Busy
from mmebench.spec.strict import Duration, EachOnce, OneOrSeveral, Strict
from mmebench.spec.traffic import AnyTraffic, TraceTraffic

WhatIf = Literal["twice", "lost", "restart", "scale_out", "policies", "pinned", "hosting"]

MOST_MODELS = 10_000_000


class Planning(Strict):
    """How many instances hold the objectives for so many models under this traffic."""

    models: int | None = Field(
        None, ge=1, le=MOST_MODELS, description="how many are hosted; those of the trace unless told"
    )
    traffic: AnyTraffic = Field(description="a trace, or Zipf's law")
    times: float = Field(1.0, gt=0, le=1000, description="so many times as much traffic")
    routing: AnyRouting = "sticky"
    busy: Busy = 8
    contention: float | None = Field(
        None,
        ge=0,
        le=64,
        description="how many requests a load slows requests down as; the experiment interference measures it, "
        "and without it 1 is assumed",
    )
    copies: Literal["grown", "loaded"] = Field(
        "grown",
        description="memory of a copy: as large as the load could make it by its largest batch, or as it is after "
        "its first request",
    )
    pinned: int = Field(0, ge=0, description="so many of the most popular models are never evicted")
    what_if: Annotated[OneOrSeveral[WhatIf], EachOnce] = Field(
        (),
        description="twice: twice the traffic; lost: an instance is lost; restart: nothing is in memory; "
        "scale_out: twice the traffic from one moment on; policies: who is evicted; pinned: the hottest are not; "
        "hosting: as inference components, or one endpoint a model",
    )
    scale_out_after: Duration = Field(
        480.0, gt=0, description="of scale_out: from the moment on until a new instance serves; AWS does not say"
    )
    instances: int | None = Field(None, ge=1, le=10_000, description="so many, instead of as many as it takes")
    seed: int = Field(0, ge=0, description="of the requests that are simulated")

    @model_validator(mode="after")
    def _models_are_known(self) -> Self:
        if self.models is None and not isinstance(self.traffic, TraceTraffic):
            raise ValueError("models: missing; say how many are hosted, e.g. models: 5000")
        if self.models is not None and self.pinned > self.models:
            raise ValueError(f"pinned: got {self.pinned} of {self.models} models; pin fewer")
        return self
