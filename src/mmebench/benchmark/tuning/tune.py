"""A tuning: one trial after another, until the space, or what may be spent, is used up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from mmebench.benchmark.endpoint_runs import OnStage
from mmebench.benchmark.observer import Observer
from mmebench.benchmark.reports import Reports, drawn_at_the_end
from mmebench.benchmark.spending import Spending
from mmebench.benchmark.story import Measured, measure_benchmark
from mmebench.benchmark.tuning.baseline import find_baseline
from mmebench.benchmark.tuning.budget import Budget
from mmebench.benchmark.tuning.chooser import choose
from mmebench.benchmark.tuning.earlier_trials import read_trials
from mmebench.benchmark.tuning.ranking import make_record, unit_of, write_best
from mmebench.benchmark.tuning.trial_run import attempt
from mmebench.benchmark.wanted import check_endpoints, find_wanted
from mmebench.errors import BadInputError, MmebenchError, make_folder, together
from mmebench.figures.trial import GOALS, Trial, ranked
from mmebench.load.locust_pages import LocustPages
from mmebench.load.schedule.plan import too_short
from mmebench.record.claim import claim
from mmebench.record.tuning import TuningRecord, write_tuning
from mmebench.spec import Spec
from mmebench.spec.tuning import Tuning, single_changes
from mmebench.spec.variants import describe_changes
from mmebench.units import human_number

_ANY = 3600.0
"""Seconds within which a p99 is to be known, whatever it is."""
_ALL_FAILED = 3
"""Of the first trials: where all of them fail, the others would, too."""


@dataclass(frozen=True)
class Tuned:
    """What a tuning came to."""

    directory: Path
    record: TuningRecord
    best: Path | None
    """The spec of the best trial; None where none held a load within the objectives."""
    ended_by: str
    """Why no further one was tried, in words."""
    problems: tuple[MmebenchError, ...]
    """What went wrong, in trials that failed and beside others."""
    staying: tuple[str, ...]
    """What was left there on purpose, and how it is deleted."""


def tune(
    spec: Spec,
    results: Path,
    observer: Observer,
    pages: LocustPages | None = None,
) -> Tuned:
    """Try configurations of the spec's space, each as a run of its own, kept like any other.

    What is in the results already, of this tuning or of a grid, is not measured again.

    Args:
        spec: with ``tune``.
        results: where results go.
        observer: is told how it goes.
        pages: where Locust's own pages are while a load goes on; None is nowhere.

    Raises:
        BadInputError: the spec has no space, or nothing in it could come to anything; nothing was started.
        MmebenchError: the first trials all failed; the others would, too.
    """
    tuning = check_tuning(spec)
    make_folder(results)
    # Two at once would take each other's trials for their own.
    with claim(results), drawn_at_the_end(spec.objectives) as reports:
        return _tune(spec, tuning, results, observer, reports, pages)


def _tune(
    spec: Spec, tuning: Tuning, results: Path, observer: Observer, reports: Reports, pages: LocustPages | None
) -> Tuned:
    """The same, alone in its results."""
    base = find_baseline(spec, tuning)
    earlier = read_trials(spec, results, observer)
    tried, files, begun = list(earlier.trials), earlier.files, list(earlier.begun)
    budget, spending = Budget(tuning, monotonic), Spending()
    problems: list[MmebenchError] = []
    staying: list[str] = []

    def run(trial: Spec, on_stage: OnStage) -> Measured:
        return measure_benchmark(trial, results, observer, reports, spending, pages, on_stage)

    while (ended_by := budget.used_up(len(tried), spending.so_far())) is None:
        changes = begun.pop(0) if begun else choose(tuning, base, tried)
        if changes is None:
            ended_by = "all combinations have been tried"
            break
        reports.write()
        budget.begin_trial()
        observer.trying(f"trial {len(tried) + 1} of {tuning.most}", describe_changes(changes))
        done = attempt(spec, tuning, changes, tried, run)
        tried.append(done.trial)
        if done.files is not None:  # of one that was ended early, too
            files = done.files
            reports.changed(files.directory)
        problems += done.problems
        staying += done.staying
        if files is not None:  # after each, as the next one may be the last
            _keep(spec, tuning, base, tried, files.directory)
        observer.tried(_describe(done.trial, tried, tuning))
        if len(tried) == _ALL_FAILED and _all_failed(tried):
            raise together(problems)
    if files is None or _all_failed(tried):
        raise together(problems)
    record, best = _keep(spec, tuning, base, tried, files.directory)
    reports.changed(files.directory)  # even where all were tried before
    return Tuned(files.directory, record, best, ended_by, tuple(problems), tuple(staying))


def _all_failed(tried: Sequence[Trial]) -> bool:
    return all(trial.state == "failed" for trial in tried)


def _keep(
    spec: Spec, tuning: Tuning, base: dict[str, Any] | None, tried: Sequence[Trial], directory: Path
) -> tuple[TuningRecord, Path | None]:
    """Write down what was found until now, and the spec of the best trial."""
    record = make_record(tuning, base, tried, spec.repeats)
    write_tuning(record, directory)
    return record, write_best(spec, record, directory)


def _describe(trial: Trial, tried: Sequence[Trial], tuning: Tuning) -> str:
    """``75.1 requests/s, the best so far``."""
    goal, order = GOALS[tuning.goal], ranked(tried, tuning.goal)
    if trial not in order and (trial.reason or not trial.counts):
        return trial.reason or "no load within the objectives"
    if math.isnan(trial.value(tuning.goal).value):
        return f"its {goal.label} is not known; requests are too few"
    value = f"{human_number(trial.value(tuning.goal).value)} {unit_of(goal, tried)}"
    if trial is order[0]:
        return f"{value}, the best so far"
    return f"{value}; the best so far, {order[0].name}, has {human_number(order[0].value(tuning.goal).value)}"


def check_tuning(spec: Spec) -> Tuning:
    """What the spec asks to be tuned; refused where no trial could come to anything.

    Raises:
        BadInputError: it cannot be run, it has no space, its goal takes a price that nobody says, or no stage can
            be held against the objectives.
    """
    tuning = spec.tune
    if tuning is None:
        raise BadInputError(
            "tune: missing; write which fields may be changed, e.g. "
            "tune: {space: {platforms.0.max_batch_size: [1, 8, 32]}}; mmebench run measures the spec as it is"
        )
    each = {tuning.name(changes): changes for changes in single_changes(tuning)}
    wanted = find_wanted(spec.model_copy(update={"tune": None, "variants": each}))
    prices = check_endpoints(wanted[:1])  # what all may cost is for tune.dollars to limit
    if not prices and (tuning.goal == "cost" or tuning.dollars is not None):
        what = "tune.dollars" if tuning.dollars is not None else "tune.goal: got cost"
        raise BadInputError(
            f"{what}: nobody bills this endpoint; leave it out, or say what an hour costs, endpoint.price"
        )
    objectives = spec.objectives
    if tuning.goal == "p99":
        _check_loads([each.spec for each in wanted])
        objectives = objectives.model_copy(update={"p99": objectives.p99 or _ANY})
    short = too_short(spec.workload, objectives, spec.shares)
    if short and len(short) == len(spec.workload.stages):
        raise BadInputError(f"objectives: no trial could meet them, as none could be judged: {'; '.join(short)}")
    return tuning


def _check_loads(specs: Sequence[Spec]) -> None:
    """Refuse trials whose p99 is of different loads, and so says nothing.

    Raises:
        BadInputError: they are.
    """
    largest = {
        max((stage.rate or stage.concurrency for stage in spec.workload.stages), default=None) for spec in specs
    }
    if None in largest:
        raise BadInputError(
            "tune.goal: got p99, and a search, which ends at another load in each trial; take throughput, or give "
            "stages"
        )
    if len(largest) > 1:
        raise BadInputError(
            "tune.goal: got p99, and a space that changes the largest load, by which it is judged; take "
            "throughput, or leave the profile as it is"
        )
