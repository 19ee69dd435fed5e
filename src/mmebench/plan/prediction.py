"""A prediction: how requests go on so many instances. Computed and simulated ones say the same things."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.figures.metric import METRICS
from mmebench.figures.objectives import BY_MODEL, judge_stage
from mmebench.figures.stage import PERCENTILES
from mmebench.figures.statistics import NAN
from mmebench.spec import Objectives
from mmebench.spec.workload import ModelObjectives

Floats = npt.NDArray[np.float64] | npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_MANY = 1_000_000_000
"""Requests that a judgement is to take a prediction for: it is not short of any."""


class Tail(NamedTuple):
    """Percentiles, in seconds; NaN of none."""

    p50: float = NAN
    p95: float = NAN
    p99: float = NAN


@dataclass(frozen=True)
class Prediction:
    """How requests go, by many of them."""

    instances: int
    keeps_up: bool
    """Whether all instances answer as much as is asked; else latencies grow without end, and say nothing."""
    requests_per_s: float
    latency: Floats
    """Seconds, of each of the requests that this is told by."""
    cold: Flags
    """Of each, whether it waited for its model."""
    kind: npt.NDArray[np.uint8]
    """Of each, the kind of its model."""
    loads_per_s: float
    """Loads that are begun, on all instances together."""
    utilisation: float
    """Requests per second over the most that instances answer beside their loads."""
    loading: float
    """Seconds of loads that are begun over the most that instances get done; 1 is all."""

    @property
    def hit_ratio(self) -> float:
        """Requests that found their model in memory."""
        return float(1 - self.cold.mean()) if len(self.cold) else NAN

    @property
    def all(self) -> Tail:
        """Of all requests."""
        return _tail(self.latency)

    @property
    def warm(self) -> Tail:
        """Of those whose model was in memory."""
        return _tail(self.latency[~self.cold])

    @property
    def when_cold(self) -> Tail:
        """Of those that waited for it."""
        return _tail(self.latency[self.cold])

    def missed(self, objectives: Objectives, kinds: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Which objectives it misses, in words; none where it holds all. Failures are not predicted.

        Args:
            objectives: what is to be held.
            kinds: the names of the kinds of a fleet.
        """
        if not self.keeps_up:
            return ("it cannot keep up",)
        row = _row(self.latency, objectives)
        if kinds:
            row[BY_MODEL] = {
                name: _row(self.latency[self.kind == number], objectives.of(name))
                for number, name in enumerate(kinds)
            }
        return judge_stage(row, objectives).missed


def _tail(latency: Floats) -> Tail:
    return Tail(*(float(each) for each in np.quantile(latency, (0.5, 0.95, 0.99)))) if len(latency) else Tail()


def _row(latency: Floats, objectives: ModelObjectives) -> dict[str, Any]:
    """As the summary of a run would have it."""
    if not len(latency):
        return {"Successful Requests": 0, "Failed Requests": 0}
    row: dict[str, Any] = {"Successful Requests": _MANY, "Failed Requests": 0}
    for name in objectives.percentiles:
        row[METRICS[name].column] = float(np.quantile(latency, PERCENTILES[name])) * 1e3
    if objectives.goodput is not None:
        row["goodput_share"] = float((latency <= objectives.goodput.within).mean())
    return row
