"""A plan, from results to record: every run that a plan can rest on is an option."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mmebench.benchmark.observer import Observer
from mmebench.errors import BadInputError
from mmebench.plan.check import measure_part
from mmebench.plan.demand import demand_of
from mmebench.plan.measured import Measured
from mmebench.plan.option import Question, find_option
from mmebench.plan.reading import measure
from mmebench.plan.sensitivity import find_sways
from mmebench.plan.what_ifs import WHAT_IFS
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.plan import Option, PlanRecord, write_plan
from mmebench.record.run import Run, find_run, objectives_of
from mmebench.report.report import write_plan_files, write_report
from mmebench.report.words.objectives import describe_objectives
from mmebench.spec import Objectives
from mmebench.spec.planning import Planning
from mmebench.spec.traffic import ZipfTraffic

Tell = Callable[[str], None]
"""Told what is looked at now."""


@dataclass(frozen=True)
class Planned:
    """A plan, and what it answers."""

    record: PlanRecord
    questions: tuple[Question, ...]
    """One an option, in their order; and ``runs``, that they rest on."""
    runs: tuple[Run, ...]


def make_plan(
    results: Sequence[Path], planning: Planning, objectives: Objectives | None = None, tell: Tell = lambda _: None
) -> Planned:
    """How many instances of each measured kind hold the objectives, and what that costs.

    Args:
        results: ``results/<model>`` directories, or single runs of them.
        planning: for how many models and which traffic.
        objectives: what is to be held; None for what the runs were to hold.
        tell: told about each run.

    Raises:
        BadInputError: no run that a plan could rest on, no objective that limits latency, or one that no number
            of instances holds on any of them.
    """
    found, left_out = _measured(results)
    if not found:
        raise BadInputError("plan: nothing to rest on\n  " + "\n  ".join(left_out))
    questions = tuple(_question(measured, run, planning, objectives) for measured, run in found)
    options = []
    for question in questions:
        tell(f"{question.measured.name}: how many instances")
        options.append(_with_more(question, find_option(question), tell))
    if all(option.instances is None for option in options):
        reasons = "\n  ".join(f"{option.run}: {option.impossible}" for option in options)
        raise BadInputError(f"plan: no number of instances holds the objectives\n  {reasons}")
    first = questions[0]
    record = PlanRecord(
        asked=planning.model_dump(mode="json"),
        models=first.demand.models,
        rate=first.demand.rate,
        traffic=_describe(planning),
        objectives=", ".join(describe_objectives(first.objectives)),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        options=tuple(options),
        left_out=tuple(left_out),
    )
    return Planned(record, questions, tuple(run for _, run in found))


def check_plan(planned: Planned, results: Path, observer: Observer) -> PlanRecord:
    """The plan with its first option checked: one of its instances is measured.

    Raises:
        BadInputError: there is less than one model an instance.
        MmebenchError: it could not be measured.
    """
    options, first = list(planned.record.options), planned.record.ranked[0]
    assert first.instances is not None, "or else there is no plan"
    number = options.index(first)
    checked = measure_part(planned.questions[number], planned.runs[number], first.instances, results, observer)
    options[number] = first.model_copy(update={"checked": checked})
    return planned.record.model_copy(update={"options": tuple(options)})


def keep_plan(record: PlanRecord, directory: Path) -> None:
    """Write it, with its table and its picture; into a report where there is one."""
    write_plan(record, directory)
    if find_runs(directory):
        write_report(directory)
    else:
        write_plan_files(record, directory, "")


def _with_more(question: Question, option: Option, tell: Tell) -> Option:
    planning = question.planning
    if option.instances is None:
        return option
    tell(f"{option.run}: what would change the answer")
    sways = () if planning.instances is not None else find_sways(question)
    scenarios = []
    for name in planning.what_if:
        tell(f"{option.run}: what if, {name.replace('_', ' ')}")
        scenarios.append(WHAT_IFS[name](question, option.instances))
    return option.model_copy(update={"sways": sways, "scenarios": tuple(scenarios)})


def _measured(results: Sequence[Path]) -> tuple[list[tuple[Measured, Run]], list[str]]:
    """What there is to plan with, and why the rest is left out."""
    found, left_out = [], []
    for path in results:
        for files in _runs(path):
            run = find_run(files)
            if run is None or not run.complete:
                left_out.append(f"{files.prefix}: not a complete run of this version of mmebench")
                continue
            try:
                found.append((measure(files, run), run))
            except BadInputError as error:
                left_out.append(str(error))
    return found, left_out


def _runs(path: Path) -> list[RunFiles]:
    """All of a directory, or the one that was named."""
    if path.is_dir():
        found = find_runs(path)
        if found:
            return list(found)
        raise BadInputError(f"{path}: no runs in it; give results/<model>")
    beside = find_runs(path.parent) if path.parent.is_dir() else []
    found = [files for files in beside if files.prefix.name == path.name]
    if not found:
        raise BadInputError(f"{path}: no such results; give results/<model>, or one run of it")
    return found


def _question(measured: Measured, run: Run, planning: Planning, objectives: Objectives | None) -> Question:
    asked = objectives if objectives is not None else objectives_of(run)
    if not asked.limit_latency:
        raise BadInputError(
            "plan: no objective says how long an answer may take; allowed: p50, p90, p95, p99 or goodput; "
            "write e.g. --objectives p99=300ms"
        )
    names = {kind.name for kind in measured.kinds}
    if unknown := sorted(set(asked.models) - names):
        raise BadInputError(f"plan: objectives.models: {measured.name} has no model {unknown[0]!r}; leave it out")
    measured = measured.small() if planning.copies == "loaded" else measured
    return Question(measured, demand_of(planning, measured.kinds), planning, asked, run.model)


def _describe(planning: Planning) -> str:
    times = "" if planning.times == 1 else f"{planning.times:g} times "
    match planning.traffic:
        case ZipfTraffic(s=s):
            return f"{times}zipf {s:g}"
        case other:
            return f"{times}{getattr(other, 'path', other.kind)}"
