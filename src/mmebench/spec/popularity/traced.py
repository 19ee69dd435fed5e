"""Targets that a trace names."""

from typing import ClassVar, Literal

from mmebench.spec.popularity.popularity import CyclicPopularity


class TracedTargets(CyclicPopularity):
    """The targets that the trace of the arrivals names."""

    kind: Literal["trace"]
    traced: ClassVar[bool] = True
