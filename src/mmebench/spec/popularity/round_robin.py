"""Targets in turn."""

from typing import Literal

from mmebench.spec.popularity.popularity import CyclicPopularity


class RoundRobin(CyclicPopularity):
    """One target after another: the worst that an endpoint with too little memory can meet."""

    kind: Literal["round_robin"]
