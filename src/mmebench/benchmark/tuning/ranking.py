"""Trials ranked: the record of a tuning, and best.yaml, the spec of the best one."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mmebench.benchmark.tuning.chooser import weigh
from mmebench.figures.pareto import find_pareto_front
from mmebench.figures.trial import GOALS, GoalKind, Trial, is_shown_worse, ranked
from mmebench.record.layout import BEST
from mmebench.record.tuning import Tried, TuningRecord
from mmebench.replacing import write_whole
from mmebench.spec import Spec
from mmebench.spec.tuning import Tuning
from mmebench.spec.variants import describe_changes
from mmebench.units import human_number


def make_record(
    tuning: Tuning, base: Mapping[str, Any] | None, trials: Sequence[Trial], repeats: int = 1
) -> TuningRecord:
    """The record of these trials.

    Args:
        tuning: what was asked for.
        base: the spec as it is, in values of the space; None where that does not have it.
        trials: in the order in which they were tried.
        repeats: how often each was measured.
    """
    goal = GOALS[tuning.goal]
    order = ranked(trials, tuning.goal)
    ranks = {trial.name: rank for rank, trial in enumerate(order, 1)}
    tied = {trial.name for trial in order[1:] if not is_shown_worse(trial, order[0], tuning.goal)}
    front = {trial.name for trial in find_pareto_front(trials)}
    return TuningRecord(
        goal=goal.label,
        unit=unit_of(goal, trials),
        largest=goal.largest,
        places=tuple(tuning.space),
        combinations=tuning.combinations,
        trials=tuple(
            _tried(trial, tuning, ranks.get(trial.name), trial.name in tied, trial.name in front)
            for trial in trials
        ),
        repeats=repeats,
        baseline=next((trial.name for trial in trials if trial.changes == base), None),
        weights=weigh(tuning, trials),
    )


def unit_of(goal: GoalKind, trials: Sequence[Trial]) -> str:
    """Of the values of a goal; where there is a price, a product is what a dollar an hour buys."""
    priced = any(trial.figures is not None and _known(trial.figures.usd_per_hour) for trial in trials)
    return f"{goal.unit} for a dollar an hour" if priced and goal.for_a_dollar else goal.unit


def _tried(trial: Trial, tuning: Tuning, rank: int | None, tied: bool, on_front: bool) -> Tried:
    figures = trial.figures
    about = {"name": trial.name, "changes": dict(trial.changes), "state": trial.state, "reason": trial.reason}
    if figures is None:
        return Tried(**about)
    value = trial.value(tuning.goal)
    return Tried(
        **about,
        rank=rank,
        tied=tied,
        on_front=on_front,
        value=_known(value.value),
        value_low=_known(value.low),
        value_high=_known(value.high),
        held=figures.held,
        capacity=_known(figures.capacity),
        capacity_is_least=figures.capacity_is_least,
        throughput_per_s=_known(figures.throughput.value),
        p99_ms=_known(figures.p99_ms.value),
        usd_per_million=_known(figures.cost.value),
        load=_known(figures.load),
    )


def _known(figure: float) -> float | None:
    return None if math.isnan(figure) else figure


def write_best(spec: Spec, record: TuningRecord, directory: Path) -> Path | None:
    """The spec of the best trial as a file that ``mmebench run`` takes; None, and no such file, without one."""
    path, best = directory / BEST, record.best
    if best is None:
        path.unlink(missing_ok=True)
        return None
    ((_, whole),) = spec.trial(best.changes).varied()
    fields = whole.model_dump(mode="json", by_alias=True, exclude_unset=True)
    about = (
        f"The best of {len(record.trials)} trials of mmebench tune: {record.goal} "
        f"{human_number(best.value or 0.0)} {record.unit}.\nChanged: {describe_changes(best.changes)}"
    )
    heading = "".join(f"# {line}\n" for line in about.splitlines())
    write_whole(path, heading + yaml.safe_dump(fields, sort_keys=False, allow_unicode=True))
    return path
