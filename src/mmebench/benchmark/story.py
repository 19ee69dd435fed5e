"""The story: a spec goes in, a results directory comes out.

spec -> model -> archive -> endpoint -> capacity -> load -> results -> report
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from mmebench.benchmark.endpoint_runs import EndedEarlyError, OnStage, files_of, measure_on_endpoint
from mmebench.benchmark.observer import Observer
from mmebench.benchmark.opening import open_ahead
from mmebench.benchmark.outcome import Outcome
from mmebench.benchmark.parts import Part, find_parts, open_part
from mmebench.benchmark.preflight import refuse_without_room
from mmebench.benchmark.reports import Reports, drawn_at_the_end
from mmebench.benchmark.spending import Spending
from mmebench.benchmark.time_left import mean_load_seconds
from mmebench.benchmark.wanted import each_endpoint, find_wanted, foresee, in_order
from mmebench.endpoints.endpoint import Monitored, Staying
from mmebench.errors import BadInputError, MmebenchError, disk_errors, make_folder, together
from mmebench.load.locust_pages import LocustPages
from mmebench.load.processes.connections import allow_connections
from mmebench.load.processes.token import token_of
from mmebench.record.claim import claim
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.metrics import write_metrics
from mmebench.record.recovery import recover
from mmebench.record.run import Run
from mmebench.report.report import write_report
from mmebench.scratch import scratch
from mmebench.spec import Spec


class Measured(NamedTuple):
    """What a benchmark measured, or had measured before."""

    directory: Path
    """Of the model, or the fleet."""
    problems: tuple[MmebenchError, ...]
    """What went wrong beside it."""
    staying: tuple[str, ...]
    """What was left there on purpose, and how it is deleted."""


def run_benchmark(spec: Spec, results: Path, observer: Observer, pages: LocustPages | None = None) -> Outcome:
    """Measure every platform on every endpoint of the spec that has not been measured yet; report after each.

    A part that fails does not keep the others from being measured.

    Args:
        spec: what to measure.
        results: where results go.
        observer: is told how it goes.
        pages: where Locust's own pages are while a load goes on; None is nowhere.

    Raises:
        BadInputError: the spec cannot be run, or another process writes to the same directory.
        MmebenchError: nothing could be measured. What was, and the samples of what broke, are on disk, and the
            same call goes on from there.
    """
    with disk_errors(results), drawn_at_the_end(spec.objectives) as reports:
        measured = measure_benchmark(spec, results, observer, reports, Spending(), pages)
    report = reports.drawn.get(measured.directory)
    if report is None:  # all of it was measured before
        report = write_report(measured.directory, spec.objectives)
    return Outcome(measured.directory, report, measured.problems, measured.staying)


def measure_benchmark(
    spec: Spec,
    results: Path,
    observer: Observer,
    reports: Reports,
    spending: Spending,
    pages: LocustPages | None = None,
    on_stage: OnStage = lambda files, run: None,
) -> Measured:
    """The same without its last report, which is for the caller to draw.

    Args:
        spec, results, observer, pages: see :func:`run_benchmark`.
        reports: are told what is new.
        spending: what was spent before, which goes on.
        on_stage: see :data:`OnStage`.

    Raises:
        BadInputError, MmebenchError: as :func:`run_benchmark` does.
    """
    if spec.tune is not None:
        raise BadInputError(
            "tune: is for mmebench tune, which measures what it says; leave it out to measure the spec"
        )
    wanted = find_wanted(spec)
    refuse_without_room([kind for each in wanted for kind in each.fleet.kinds], results)
    for each in wanted:
        allow_connections(each.spec.workload)
        if each.spec.workload.workers is not None:
            token_of(each.spec.workload.workers)  # better missed now than when everything is loaded
    for what in dict.fromkeys(what for each in wanted for what in foresee(each.spec)):
        observer.warned(what)
    make_folder(results)
    runs = [each.spec.workload for each, _ in in_order(wanted)]
    observer.planned(len(runs), mean_load_seconds(runs))
    problems: list[MmebenchError] = []
    kept: list[Path] = []
    measured_in: Path | None = None
    visited = 0
    watched: list[tuple[Monitored, Run, RunFiles]] = []
    staying: list[str] = []
    claims = ExitStack()
    claimed: set[Path] = set()

    def enter(directory: Path) -> None:
        if directory not in claimed:
            claims.enter_context(claim(directory))
            claimed.add(directory)
            for what in recover(directory):
                observer.recovered(what)

    def visits() -> Iterator[list[Part]]:
        if spec.fresh:
            yield from ([part] for part in unmeasured())
        else:
            yield from (list(own) for _, own in groupby(unmeasured(), lambda part: part.shared_digest))

    def unmeasured() -> Iterator[Part]:
        for part in find_parts(wanted, results, observer, enter):
            if isinstance(part, Part):
                yield part
            else:
                observer.kept(part.run)
                kept.append(part.directory)

    with (
        disk_errors(results),
        claims,
        # Beside the packages, so that a copy of an archive is a link and not megabytes.
        scratch(results, ".store-") as stores,
        closing(
            open_ahead(
                visits(),
                lambda visit, proceed: open_part(visit[0], results, stores, spending, observer, proceed),
                min(endpoint.opened_at_once for endpoint in each_endpoint(wanted)),
            )
        ) as opening,
    ):
        for visit, opened in opening:
            observer.came_up(visit[0].label)
            visited += len(visit)
            if isinstance(opened, MmebenchError):
                problems.append(_of(visit[0], opened))
                continue
            measured, problem = measure_on_endpoint(visit, opened, spending, observer, pages, on_stage)
            if problem is not None:
                problems.append(_of(visit[min(len(measured), len(visit) - 1)], problem))
            for part, run in zip(visit, measured, strict=False):
                files = files_of(part, run)
                if isinstance(opened.endpoint, Monitored):
                    if opened.endpoint.monitored_late:
                        watched.append((opened.endpoint, run, files))
                    else:
                        problems += _keep_metrics(opened.endpoint, run, files)
                if isinstance(opened.endpoint, Staying) and opened.endpoint.stays is not None:
                    staying.append(opened.endpoint.stays)
                observer.measured(part.label, run)
                for folder in dict.fromkeys((part.directory, part.whole)):
                    if find_runs(folder):  # the first repeat may have failed
                        measured_in = folder
                        reports.changed(folder)
            if visited + len(kept) < len(runs):
                reports.write()
    for monitored, run, files in watched:  # last, as monitoring shows what happened only minutes later
        problems += _keep_metrics(monitored, run, files)
        reports.changed(files.directory)
    if spec.repeats > 1 and measured_in is not None:
        reports.changed(measured_in)  # which has the pictures of all repeats
    directory = measured_in or (kept[-1] if kept and not problems else None)
    if directory is None:
        raise together(problems)
    return Measured(directory, tuple(problems), tuple(staying))


def _of(part: Part, problem: MmebenchError) -> MmebenchError:
    """The same, which says what it happened to; raised at once if it will happen to all.

    What is wrong with one variant need not be wrong with another.
    """
    if isinstance(problem, EndedEarlyError) or (
        isinstance(problem, BadInputError) and part.wanted.variant is None
    ):
        raise problem
    problem.add_note(f"that was {part.label}")
    return problem


def _keep_metrics(endpoint: Monitored, run: Run, files: RunFiles) -> list[MmebenchError]:
    """Write what others recorded during the run; that they do not answer is a problem, and no reason to stop."""
    since, until = (datetime.fromisoformat(at) for at in (run.started_at, run.finished_at))
    try:
        metrics = endpoint.metrics(since, until)
    except MmebenchError as error:
        return [error]
    write_metrics((asdict(metric) for metric in metrics), files.metrics)
    return []
