"""One option of a plan: how many instances like the one that a run measured hold the objectives."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmebench.figures.cost import HOURS_A_MONTH
from mmebench.plan.analytic import predict
from mmebench.plan.demand import Demand
from mmebench.plan.measured import Measured
from mmebench.plan.prediction import Prediction, Tail
from mmebench.plan.search import Search
from mmebench.plan.simulation.simulated import simulate
from mmebench.plan.station import UNMEASURED_CONTENTION
from mmebench.record.plan import Option, Percentiles, Point
from mmebench.spec import Objectives
from mmebench.spec.planning import Planning

_NEARLY_ALL = 0.9
_CURVE = (0.5, 0.7, 0.85, 1.0, 1.15, 1.4, 1.8, 2.5)
"""Multiples of the answer that a picture shows beside it."""
_PARTS = 200
"""To so many equal parts of all requests, kinds of models are told apart by how often they are asked for."""


@dataclass(frozen=True)
class Question:
    """What is asked of a measured run."""

    measured: Measured
    demand: Demand
    planning: Planning
    objectives: Objectives
    model: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the kinds of a fleet; none where there is one model only."""
        return tuple(kind.name for kind in self.measured.kinds if kind.name)

    @property
    def fewest(self) -> int:
        """Instances that could answer so much at all."""
        return max(1, math.ceil(self.demand.rate / self.measured.most_per_second))

    @cached_property
    def computing(self) -> Search:
        """Of predictions by formula; none is made twice."""
        return Search(
            lambda count: predict(self.measured, self.demand, self.planning, count), self.objectives, self.kinds
        )

    @cached_property
    def simulating(self) -> Search:
        """Of simulated ones, the same."""
        return Search(
            lambda count: simulate(self.measured, self.demand, self.planning, count), self.objectives, self.kinds
        )

    def computed(self) -> int | None:
        """How many instances it takes by formula; None where no number does."""
        return None if self.impossible else self.computing.fewest(self.fewest)

    @property
    def impossible(self) -> str:
        """Why no number of instances holds the objectives, in words: what a request takes that nothing delays."""
        of_kinds = self.measured.levels[0].latency
        shares = np.bincount(self.demand.kinds, self.demand.shares, len(of_kinds))
        often = np.maximum(np.rint(_PARTS * shares).astype(np.int64), 1)
        latency = np.repeat(of_kinds, often, axis=0).ravel()
        kinds = np.repeat(np.arange(len(often), dtype=np.uint8), often * of_kinds.shape[1])
        alone = self.prediction_of(latency, np.zeros(len(latency), np.bool_), kinds)
        missed = alone.missed(self.objectives, self.kinds)
        users = self.measured.levels[0].present
        return f"{', '.join(missed)} with {users:.3g} requests at once, nothing being loaded" if missed else ""

    def prediction_of(
        self, latency: npt.NDArray[np.float64], cold: npt.NDArray[np.bool_], kind: npt.NDArray[np.uint8]
    ) -> Prediction:
        """Of requests that went so, on instances that keep up."""
        return Prediction(1, True, self.demand.rate, latency, cold, kind, 0.0, 0.0, 0.0)


def find_option(question: Question) -> Option:
    """How many it takes, as computed and as simulated, and what that comes to."""
    computing, simulating = question.computing, question.simulating
    computed = instances = None
    impossible = question.impossible
    asked = question.planning.instances
    if asked is not None:
        instances = asked
        computing.at(asked)
        simulating.at(asked)
    elif not impossible:
        computed = computing.fewest(question.fewest)
        instances = simulating.near(computed or question.fewest)
        if instances is None:
            impossible = _why_none(question, simulating)
    if instances is not None:
        for factor in _CURVE:
            computing.at(max(1, round(instances * factor)))
    points = [*_points(question, computing, "computed"), *_points(question, simulating, "simulated")]
    measured = question.measured
    return Option(
        run=measured.name,
        model=question.model,
        instance_type=measured.instance_type,
        platform=measured.platform,
        usd_per_hour=measured.usd_per_hour,
        price_source=measured.price_source,
        instances=instances,
        computed=computed if asked is None else asked,
        impossible=impossible,
        limits="" if instances is None else _limits(question, simulating, instances),
        points=tuple(points),
        assumptions=tuple(_assumptions(question)),
    )


def _why_none(question: Question, simulating: Search) -> str:
    """What the most instances that were looked at still miss."""
    most = max(simulating.seen)
    missed = ", ".join(simulating.missed(most))
    models = most * question.measured.budget / max(each.copy for each in question.measured.memory)
    return f"{most:,} instances, with room for {models:,.0f} models, still miss it: {missed}"


def _points(question: Question, search: Search, by: Literal["computed", "simulated"]) -> Iterator[Point]:
    for _, prediction in sorted(search.seen.items()):
        yield point_of(question, prediction, by)


def point_of(question: Question, prediction: Prediction, by: Literal["computed", "simulated"]) -> Point:
    """As it is kept."""
    missed = prediction.missed(question.objectives, question.kinds)
    price = question.measured.usd_per_hour
    return Point(
        instances=prediction.instances,
        by=by,
        held=not missed,
        missed=missed,
        keeps_up=prediction.keeps_up,
        hit_ratio=known(prediction.hit_ratio) if prediction.keeps_up else None,
        all=_percentiles(prediction, prediction.all),
        warm=_percentiles(prediction, prediction.warm),
        cold=_percentiles(prediction, prediction.when_cold),
        loads_per_s=prediction.loads_per_s,
        utilisation=prediction.utilisation,
        loading=prediction.loading,
        usd_per_month=None if price is None else price * HOURS_A_MONTH * prediction.instances,
    )


def _percentiles(prediction: Prediction, tail: Tail) -> Percentiles:
    p50, p95, p99 = (known(each * 1e3) if prediction.keeps_up else None for each in tail)
    return Percentiles(p50_ms=p50, p95_ms=p95, p99_ms=p99)


def known(figure: float) -> float | None:
    """None of what nobody knows, as JSON has no word for it."""
    return None if math.isnan(figure) else figure


def _limits(question: Question, simulating: Search, instances: int) -> str:
    """What one instance fewer misses, and by what."""
    if instances == 1:
        return "one instance is enough" if simulating.holds(1) else ""
    fewer = simulating.at(instances - 1)
    missed = fewer.missed(question.objectives, question.kinds)
    if not missed:
        return ""
    said = f"{instances - 1} miss {', '.join(missed)}"
    if not fewer.keeps_up:
        if fewer.utilisation >= _NEARLY_ALL:
            return f"compute: {instances - 1} would be asked for {fewer.utilisation:.0%} of what they answer"
        if fewer.loading >= _NEARLY_ALL:
            return f"loading: {instances - 1} would load for {fewer.loading:.0%} of their time, and fall behind"
        return (
            f"thrash: {instances - 1} fall behind; loads slow requests down, and copies that are made for those "
            "push others out of memory"
        )
    warm = replace(
        fewer, latency=fewer.latency[~fewer.cold], cold=fewer.cold[~fewer.cold], kind=fewer.kind[~fewer.cold]
    )
    if len(warm.latency) and warm.missed(question.objectives, question.kinds):
        return f"compute: {said}, of requests whose model is in memory, too"
    return f"cold starts: {said}; {1 - fewer.hit_ratio:.2%} of requests wait for their model"


def _assumptions(question: Question) -> Iterator[str]:
    measured, planning = question.measured, question.planning
    if planning.routing == "sticky":
        yield (
            "Routing is sticky, as SageMaker describes its own: to the instance that has the model, and to a "
            f"second copy when that is busy. AWS does not say when; from {planning.busy} in service on is assumed."
        )
    else:
        yield f"Routing is {planning.routing.replace('_', ' ')}."
    if planning.contention is not None:
        yield f"A load slows requests down as {planning.contention:g} more of them would, as was asked for."
    elif measured.contention is None:
        yield (
            f"A load is taken to slow requests down as {UNMEASURED_CONTENTION:g} more of them would; the "
            "experiment interference measures it."
        )
    if not measured.evicting:
        yield (
            "Loads are those of the filling, which evicted nobody: on a full endpoint they may take much longer, "
            "which the experiment cold_starts measures."
        )
    if max(measured.load_seconds) == 1:
        yield "Loads at once are taken to take turns; the experiment cold_starts measures it."
    if measured.loads_at_once is not None:
        count = measured.loads_at_once
        yield f"{count} loads go on at a time on an instance, as on the measured one; others wait."
    yield (
        f"Beyond {measured.levels[-1].present:.3g} requests at once on an instance, the most that was measured, "
        "its rate stays as it is there."
    )
    if measured.as_loaded < 1:
        yield "Copies are as large as the largest batch of the load could make them; copies: loaded is without it."
    if measured.holds_more:
        yield f"Nobody tried whether more than {measured.budget:,.0f} models fit on an instance."
    if question.demand.times is not None:
        yield "Instances are for the busiest minute of the trace."
    if question.objectives.failures is not None:
        yield "Failures are not predicted."
