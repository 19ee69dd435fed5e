"""Autoscaling: how many instances serve follows the requests that they get."""

from typing import Self

from pydantic import Field, model_validator

from mmebench.spec.profile import StageDuration
from mmebench.spec.strict import Duration, Strict

NO_AUTOSCALING = (
    "its instances stay as many as they are; allowed: with autoscaling; leave it out, or write e.g. "
    "autoscaling: {max: 2, invocations_per_instance: 600}"
)
"""Why an endpoint without it gets no instances, and what to do."""


class Autoscaling(Strict):
    """Target tracking of SageMakerVariantInvocationsPerInstance: requests a minute that each instance gets."""

    min: int = Field(1, ge=1, le=100, description="never fewer instances")
    max: int = Field(ge=1, le=100, description="never more")
    invocations_per_instance: float = Field(
        gt=0, le=100_000_000, allow_inf_nan=False, description="requests a minute; with more, instances are added"
    )
    scale_out_cooldown: Duration = Field(300.0, description="after instances were added, until more are")
    scale_in_cooldown: Duration = Field(
        300.0, description="after some were removed or added, until any is removed"
    )

    @model_validator(mode="after")
    def _some_room(self) -> Self:
        if self.max < self.min:
            raise ValueError(f"max: got {self.max}; allowed: at least min, which is {self.min}; make it larger")
        return self


class LocalAutoscaling(Autoscaling):
    """The same on this machine; what AWS does by itself is told."""

    period: StageDuration = Field(60.0, description="what one value of the metric is of; on AWS a minute")
    alarm_after: int = Field(3, ge=1, le=100, description="values in a row above the target; so on AWS")
    calm_after: int = Field(
        15, ge=1, le=1000, description="values in a row below nine tenths of it, to remove instances; so on AWS"
    )
    delay: Duration = Field(
        0.0,
        description="from an alarm until a new instance serves, at least; on AWS minutes, which nobody publishes",
    )
