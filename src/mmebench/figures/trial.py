"""What a trial of a tuning came to: its figures, how they stand to the objectives and goals, and the ranking."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pandas as pd

from mmebench.figures.cost import per_million
from mmebench.figures.metric import METRICS, estimate_of, relative_change
from mmebench.figures.objectives import judge_stage
from mmebench.figures.operating_point import find_largest_held, loads
from mmebench.figures.rows import rows_of
from mmebench.figures.statistics import NAN, Estimate
from mmebench.spec import Objectives
from mmebench.spec.tuning import Goal

_MS = 1e3
_HOPELESS = 10.0
"""How far a trial is beyond the objectives of which no figure says how far."""


class TrialFigures(NamedTuple):
    """Of the load with the most requests/s of those within the objectives; where none is, of all."""

    capacity: float
    """Copies that were in memory together before the first eviction."""
    capacity_is_least: bool
    """Whether nobody tried more."""
    throughput: Estimate
    """Requests/s."""
    p99_ms: Estimate
    usd_per_hour: float
    """NaN without a price."""
    load: float
    """Users, or requests per second offered."""
    beyond: float
    """How far the best stage is beyond the objectives, as a share of them; 0 where one holds them all."""

    @property
    def cost(self) -> Estimate:
        """US dollars for a million requests."""
        rates = (self.throughput.value, self.throughput.high, self.throughput.low)
        return Estimate(*(per_million(self.usd_per_hour, rate) for rate in rates))

    @property
    def held(self) -> bool:
        """Whether there is a load within the objectives."""
        return self.beyond <= 0

    @property
    def missed(self) -> bool:
        """Whether a limit on latency is known to be missed at every load."""
        return 0 < self.beyond < _HOPELESS


class GoalKind(NamedTuple):
    """What may be best."""

    label: str
    unit: str
    largest: bool
    """Whether more of it is better."""
    of: Callable[[TrialFigures], Estimate]
    for_a_dollar: bool = False
    """Whether it is of a dollar an hour, where there is a price."""


def _capacity_throughput(figures: TrialFigures) -> Estimate:
    price = 1.0 if math.isnan(figures.usd_per_hour) else figures.usd_per_hour
    return figures.throughput.scaled(figures.capacity / price)


GOALS: dict[Goal, GoalKind] = {
    "throughput": GoalKind("throughput", "requests/s", True, lambda figures: figures.throughput),
    "capacity": GoalKind("capacity", "copies", True, lambda figures: Estimate(*[figures.capacity] * 3)),
    "capacity_throughput": GoalKind(
        "capacity x throughput", "copies x requests/s", True, _capacity_throughput, True
    ),
    "cost": GoalKind("cost", "US dollars for a million requests", False, lambda figures: figures.cost),
    "p99": GoalKind("p99", "ms", False, lambda figures: figures.p99_ms),
}
"""By the names that a spec has for them."""


def figures_of(stages: pd.DataFrame, objectives: Objectives, goal: Goal) -> TrialFigures:
    """The figures of a trial, as far as its load has come.

    Args:
        stages: the rows of its run in the summary, at least one.
        objectives: what a load must hold to count.
        goal: where it is the p99, figures are of the largest load, which is the same for all trials.
    """
    rows = stages.assign(load=loads(stages)).reset_index(drop=True)
    if goal == "p99":
        rows = rows.nlargest(1, "load")
    largest = find_largest_held(rows, objectives)
    held = largest is not None
    point = rows.nlargest(1, "Requests/s").iloc[0] if largest is None else largest
    capacity = point.get("capacity", NAN)
    return TrialFigures(
        capacity=float(point["targets"] if pd.isna(capacity) else capacity),
        capacity_is_least=point.get("capacity_limited_by") == "limit",
        throughput=estimate_of(point, METRICS["throughput"]),
        p99_ms=estimate_of(point, METRICS["p99"]),
        usd_per_hour=float(point.get("usd_per_hour", NAN)),
        load=float(point["load"]),
        beyond=0.0 if held else min(_beyond(row, objectives) for row in rows_of(rows)),
    )


def _beyond(row: Mapping[Any, Any], objectives: Objectives) -> float:
    """How far a stage is beyond what it misses most; above 0."""
    limits = [
        float(row[METRICS[name].column]) / (limit * _MS) - 1
        for name, limit in objectives.percentiles.items()
        if not math.isnan(float(row[METRICS[name].column]))
    ]
    if not any(limit > 0 for limit in limits) or judge_stage(row, objectives).standing == "unknown":
        return _HOPELESS
    return min(max(limits), _HOPELESS - 1)


def figures_by_stage(stages: pd.DataFrame, objectives: Objectives, goal: Goal) -> tuple[TrialFigures, ...]:
    """After each stage of a run, those of the stages until then."""
    return tuple(figures_of(stages.iloc[: count + 1], objectives, goal) for count in range(len(stages)))


State = Literal["measured", "ended early", "failed"]


@dataclass(frozen=True)
class Trial:
    """One configuration that was tried."""

    name: str
    changes: Mapping[str, Any]
    state: State
    by_stage: tuple[TrialFigures, ...] = ()
    """After each stage; none where it failed."""
    reason: str = ""
    """Why it failed, or was ended."""

    @property
    def figures(self) -> TrialFigures | None:
        """Of all stages that were measured."""
        return self.by_stage[-1] if self.by_stage else None

    @property
    def counts(self) -> bool:
        """Whether it may be the best: measured to its end, and within the objectives."""
        return self.state == "measured" and self.figures is not None and self.figures.held

    def value(self, goal: Goal) -> Estimate:
        """What it comes to; NaN where nobody knows."""
        return Estimate() if self.figures is None else GOALS[goal].of(self.figures)


def ranked(trials: Sequence[Trial], goal: Goal) -> list[Trial]:
    """Those that count, the best first."""
    known = [trial for trial in trials if trial.counts and not math.isnan(trial.value(goal).value)]
    return sorted(known, key=lambda trial: trial.value(goal).value, reverse=GOALS[goal].largest)


def is_shown_worse(trial: Trial, best: Trial, goal: Goal) -> bool:
    """Whether the difference is more than chance, as far as the intervals of the two tell."""
    own, its = trial.value(goal), best.value(goal)
    worse, better = (own, its) if GOALS[goal].largest else (its, own)
    return relative_change(worse, better).low > 0
