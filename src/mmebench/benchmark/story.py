"""The story: a spec goes in, a results directory comes out.

spec -> model -> archive -> endpoint -> capacity -> load -> results -> report
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from mmebench.benchmark.addressing import address_targets
from mmebench.benchmark.asked import about, about_fleet, about_kind, about_package, ask
from mmebench.benchmark.experiments.experiment import run_experiment
from mmebench.benchmark.experiments.subject import Subject
from mmebench.benchmark.filling import fill
from mmebench.benchmark.kind import Copy, PackagedKind, in_proportion
from mmebench.benchmark.measurement import complete, measure_watching
from mmebench.benchmark.observer import Observer
from mmebench.benchmark.opening import open_ahead
from mmebench.benchmark.outcome import Outcome
from mmebench.benchmark.parts import OpenPart, Part, find_parts, open_part
from mmebench.benchmark.preflight import refuse_without_room
from mmebench.benchmark.spending import Spending
from mmebench.benchmark.time_left import mean_load_seconds
from mmebench.benchmark.wanted import each_endpoint, find_wanted, foresee, in_order
from mmebench.endpoints.endpoint import Monitored, Staying
from mmebench.errors import BadInputError, MmebenchError, disk_errors, make_folder
from mmebench.load.asked_kind import AskedKind
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
from mmebench.spec import Fleet, Spec
from mmebench.wire.runtime import RuntimeClient


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
    spending = Spending()
    kept: list[Path] = []
    watched: list[tuple[Monitored, Run, RunFiles]] = []
    staying: list[str] = []
    claims = ExitStack()
    claimed: set[Path] = set()
    outcome = None

    def enter(directory: Path) -> None:
        if directory not in claimed:
            claims.enter_context(claim(directory))
            claimed.add(directory)
            for what in recover(directory):
                observer.recovered(what)

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
                unmeasured(),
                lambda part, proceed: open_part(part, results, stores, spending, observer, proceed),
                min(endpoint.opened_at_once for endpoint in each_endpoint(wanted)),
            )
        ) as parts,
    ):
        for part, opened in parts:
            observer.came_up(part.label)
            if isinstance(opened, MmebenchError):
                problems.append(_of(part, opened))
                continue
            run, problem = _measure_part(part, opened, spending, observer, pages)
            if problem is not None:
                problems.append(_of(part, problem))
            if run is not None:
                files = _files(part, run)
                if isinstance(opened.endpoint, Monitored):
                    if opened.endpoint.monitored_late:
                        watched.append((opened.endpoint, run, files))
                    else:
                        problems += _keep_metrics(opened.endpoint, run, files)
                if isinstance(opened.endpoint, Staying) and opened.endpoint.stays is not None:
                    staying.append(opened.endpoint.stays)
                observer.measured(run)
                for folder in dict.fromkeys((part.directory, part.whole)):
                    if find_runs(folder):  # the first repeat may have failed
                        outcome = Outcome(folder, write_report(folder, files, spec.objectives))
    for monitored, run, files in watched:  # last, as monitoring shows what happened only minutes later
        problems += _keep_metrics(monitored, run, files)
    if outcome is not None and (watched or spec.repeats > 1):
        outcome = replace(outcome, report=write_report(outcome.directory, objectives=spec.objectives))
    if outcome is None and kept and not problems:
        outcome = Outcome(kept[-1], write_report(kept[-1], objectives=spec.objectives))
    if outcome is None:
        raise _all_of(problems)
    return replace(outcome, problems=tuple(problems), staying=tuple(staying))


def _of(part: Part, problem: MmebenchError) -> MmebenchError:
    """The same, which says what it happened to; raised at once if it will happen to all.

    What is wrong with one variant need not be wrong with another.
    """
    if isinstance(problem, BadInputError) and part.wanted.variant is None:
        raise problem
    problem.add_note(f"that was {part.label}")
    return problem


def _all_of(problems: list[MmebenchError]) -> MmebenchError:
    """The first of them, which tells of the others too."""
    first, *others = problems
    for other in others:
        for text in (str(other), *getattr(other, "__notes__", ())):
            first.add_note(text)
    return first


def _files(part: Part, run: Run) -> RunFiles:
    return RunFiles(part.directory, run.instance_type, run.platform, run.targets, part.spec.layout)


def _keep_metrics(endpoint: Monitored, run: Run, files: RunFiles) -> list[MmebenchError]:
    """Write what others recorded during the run; that they do not answer is a problem, and no reason to stop."""
    since, until = (datetime.fromisoformat(at) for at in (run.started_at, run.finished_at))
    try:
        metrics = endpoint.metrics(since, until)
    except MmebenchError as error:
        return [error]
    write_metrics((asdict(metric) for metric in metrics), files.metrics)
    return []


def _measure_part(
    part: Part, opened: OpenPart, spending: Spending, observer: Observer, pages: LocustPages | None
) -> tuple[Run | None, MmebenchError | None]:
    """The complete run, unless it broke, and what went wrong, which may be its clean-up alone."""
    run: Run | None = None
    problem: MmebenchError | None = None
    try:
        with disk_errors(part.directory), opened.endpoint:
            run = _run_part(part, opened, spending, observer, pages)
    except MmebenchError as error:
        problem = error
    finally:
        # Here and nowhere else, when all that there is to measure is on disk; after Ctrl-C in the clean-up too.
        seconds = spending.end(part.fingerprint)
        if run is not None:
            run = complete(run, _files(part, run), None if run.price is None else round(seconds, 1))
    return run, problem


def _run_part(
    part: Part, opened: OpenPart, spending: Spending, observer: Observer, pages: LocustPages | None
) -> Run:
    """One run: fill the endpoint, offer the load, do the experiments."""
    spec, fleet, kinds, endpoint = part.spec, part.wanted.fleet, opened.kinds, opened.endpoint
    with closing(RuntimeClient(endpoint, spec.endpoint.aws_profile)) as client:

        def invoke(copy: Copy) -> None:
            client.invoke(copy.target, *copy.kind.body)

        observer.serving(part.label, endpoint, spending.so_far)
        fixed = sum(kind.asked.targets.fixed or 0 for kind in kinds)
        capacity = fill(
            endpoint,
            islice(in_proportion(kinds), fixed + spec.targets.limit),
            invoke,
            grow=lambda copy: copy.kind.growth.send(lambda body: client.invoke(copy.target, *body)),
            threshold=spec.targets.threshold,
            on_load=lambda load: observer.loaded(load, endpoint.residency().memory_budget),
            kinds=[kind.name for kind in kinds] if fleet.name else (),
        )
        observer.filled(capacity)
        targets = address_targets(spec.targets, kinds, capacity, endpoint, invoke)
        asked = [kind.under_load(own) for kind, own in zip(kinds, targets, strict=True)]
        where = (part.directory, endpoint.instance_type, part.wanted.label)
        files = RunFiles(*where, sum(map(len, targets)), spec.layout)
        job = ask(
            spec,
            asked,
            files,
            url=endpoint.url,
            endpoint_name=endpoint.name,
            region=endpoint.region,
            profile=spec.endpoint.aws_profile,
            pages=pages,
        )
        observer.offering(job)
        record = Run(
            digest=part.fingerprint,
            shared_digest=part.shared_digest,
            model=part.model,
            container=endpoint.container,
            capacity=capacity,
            price=part.price,
            changes=dict(part.wanted.variant.changes) if part.wanted.variant else {},
            **about(spec, files),
            **_about_fleet(fleet, kinds, asked),
        )
        run = measure_watching(endpoint, record, job, files, spending.so_far, observer.live, observer.gathering)
        subject = Subject(
            endpoint, client, kinds, capacity, job, run, files, spending.so_far, observer.experiment_live
        )
        for experiment in spec.experiments:
            observer.experimenting(experiment)
            run_experiment(experiment, subject, observer.experimented)
    return run


def _about_fleet(fleet: Fleet, kinds: Sequence[PackagedKind], asked: Sequence[AskedKind]) -> dict[str, Any]:
    """What the record says of what is served."""
    if fleet.name is None:
        return about_package(kinds[0].package, kinds[0].asked.platform)
    return about_fleet(
        about_kind(own, kind.package.model, kind.asked.platform, kind.package)
        for kind, own in zip(kinds, asked, strict=True)
    )
