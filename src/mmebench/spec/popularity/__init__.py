"""How requests spread over targets: a file for each kind."""

from typing import Annotated

from mmebench.spec.kinds import Kinds
from mmebench.spec.popularity.hot_set import HotSet
from mmebench.spec.popularity.popularity import CyclicPopularity, DrawnPopularity, Popularity
from mmebench.spec.popularity.round_robin import RoundRobin
from mmebench.spec.popularity.traced import TracedTargets
from mmebench.spec.popularity.uniform import Uniform
from mmebench.spec.popularity.weights import Weights
from mmebench.spec.popularity.zipf import Zipf

POPULARITIES = Kinds[Popularity](
    "popularities",
    Uniform,
    Zipf,
    HotSet,
    RoundRobin,
    Weights,
    TracedTargets,
    "mmebench.traffic.fitted:Fitted",
)

AnyPopularity = Annotated[Popularity, POPULARITIES]

__all__ = [
    "POPULARITIES",
    "AnyPopularity",
    "CyclicPopularity",
    "DrawnPopularity",
    "HotSet",
    "Popularity",
    "RoundRobin",
    "TracedTargets",
    "Uniform",
    "Weights",
    "Zipf",
]
