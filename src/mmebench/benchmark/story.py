"""The story: a spec goes in, a results directory comes out.

spec -> model -> archive -> endpoint -> capacity -> load -> results -> report
"""

import math
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from mmebench.benchmark.capacity import fill, target_name
from mmebench.benchmark.experiments import Subject, run_experiment
from mmebench.benchmark.measurement import digest, measure, measure_watching, now
from mmebench.benchmark.observer import Observer
from mmebench.benchmark.opening import open_ahead
from mmebench.benchmark.parts import Part, find_complete, find_parts, open_part
from mmebench.benchmark.spending import Spending
from mmebench.endpoints.endpoint import Endpoint, Monitored, Residency
from mmebench.environment import describe_environment
from mmebench.errors import BadInputError, MmebenchError
from mmebench.load.job import LoadJob
from mmebench.load.processes.events import Live
from mmebench.models.package import Package, read_package
from mmebench.record.layout import RunFiles
from mmebench.record.metrics import write_metrics
from mmebench.record.run import Capacity, Run, write_run
from mmebench.report.report import Report, write_report
from mmebench.spec import PlatformSpec, Spec, Targets
from mmebench.spec.load import LoadSpec, ServedModel
from mmebench.wire.addresses import runtime_url
from mmebench.wire.runtime import RuntimeClient


@dataclass(frozen=True)
class Outcome:
    """What a benchmark left: the directory of the model, its report, and what went wrong beside it."""

    directory: Path
    report: Report
    problems: tuple[MmebenchError, ...] = ()


def run_benchmark(spec: Spec, results: Path, observer: Observer, web_port: int | None = None) -> Outcome:
    """Measure every platform on every endpoint of the spec that has not been measured yet; report after each.

    A part that fails does not keep the others from being measured.

    Args:
        spec: what to measure.
        results: where results go.
        observer: is told how it goes.
        web_port: where Locust's web UI is while a load goes on; None is nowhere.

    Raises:
        MmebenchError: nothing could be measured. What was, and the samples of what broke, are on disk, and the
            same call goes on from there.
    """
    results.mkdir(parents=True, exist_ok=True)
    problems: list[MmebenchError] = []
    served: dict[str, Package] = {}
    spending = Spending()
    kept: list[Path] = []
    watched: list[tuple[Monitored, Run, Part]] = []
    outcome = None
    with (
        # Beside the packages, so that a copy of an archive is a link and not megabytes.
        tempfile.TemporaryDirectory(prefix=".store-", dir=results) as stores,
        closing(
            open_ahead(
                find_parts(spec, results, kept, observer),
                lambda part, proceed: open_part(part, results, Path(stores), served, spending, observer, proceed),
                spec.endpoint.at_once,
            )
        ) as parts,
    ):
        for part, endpoint in parts:
            observer.came_up(part.label)
            try:
                if isinstance(endpoint, MmebenchError):
                    raise endpoint
                with endpoint:
                    _run_part(part, served[part.fingerprint], endpoint, spending, observer, web_port)
            except BadInputError:
                raise
            except MmebenchError as error:
                error.add_note(f"that was {part.label}")
                problems.append(error)
            seconds = spending.end(part.fingerprint)
            run = find_complete(part.directory, part.fingerprint)
            if run is not None:
                run = _with_life(run, part, seconds)
                if isinstance(endpoint, Monitored):
                    watched.append((endpoint, run, part))
                observer.measured(run)
                outcome = Outcome(part.directory, write_report(part.directory, _files(part, run)))
    for monitored, run, part in watched:  # last, as monitoring shows what happened only minutes later
        problems += _keep_metrics(monitored, run, part)
    if outcome is not None and watched:
        outcome = replace(outcome, report=write_report(outcome.directory))
    if outcome is None and kept and not problems:
        outcome = Outcome(kept[-1], write_report(kept[-1]))
    if outcome is None:
        raise _all_of(problems)
    return replace(outcome, problems=tuple(problems))


def _all_of(problems: list[MmebenchError]) -> MmebenchError:
    """The first of them, which tells of the others too."""
    first, *others = problems
    for other in others:
        for text in (str(other), *getattr(other, "__notes__", ())):
            first.add_note(text)
    return first


def load_endpoint(spec: LoadSpec, results: Path, observer: Observer, web_port: int | None = None) -> Outcome:
    """Offer a workload to an endpoint that already runs; nothing is created there and nothing removed.

    Raises:
        BadInputError: the workload does not suit the endpoint's targets. MmebenchError: the load broke.
    """
    endpoint, model = spec.endpoint, spec.model
    package = read_package(model.package) if model.package else None
    served: Package | ServedModel = package or model
    platform = PlatformSpec.model_validate({"kind": served.platform, "precision": served.precision})
    name = package.model if package else str(model.name)
    targets = endpoint.target_names
    files = RunFiles(results / name, endpoint.instance_type, platform.label, len(targets))
    job = LoadJob(
        url=endpoint.url or runtime_url(endpoint.region, endpoint.fips),
        endpoint_name=endpoint.name,
        region=endpoint.region,
        targets=targets,
        inputs=served.inputs,
        max_batch_size=served.max_batch_size,
        workload=spec.workload,
        objectives=spec.objectives,
        ca=endpoint.ca,
        samples=files.stream,
        web_port=web_port,
    )
    job.check()
    observer.offering(job)
    asked = Run(
        digest=digest(spec.model_dump(mode="json")),
        model=name,
        platform=platform.label,
        precision=platform.precision,
        instance_type=endpoint.instance_type,
        container="existing",
        parameters=package.parameters if package else None,
        targets=len(targets),
        started_at=now(),
        finished_at=now(),
        spec=spec.model_dump(mode="json"),
        package=package.model_dump(mode="json", exclude={"archive"}) if package else {},
        environment=describe_environment(),
    )

    def look(live: Live) -> Live:
        observer.live(live)
        return live

    observer.measured(measure(asked, job, files, look))
    return Outcome(files.directory, write_report(files.directory))


def _files(part: Part, run: Run) -> RunFiles:
    return RunFiles(part.directory, run.instance_type, run.platform, run.targets)


def _with_life(run: Run, part: Part, seconds: float) -> Run:
    """The run, on disk too, with how long its endpoint was there, where that costs something."""
    if run.price is None:
        return run
    lived = run.model_copy(update={"endpoint_seconds": round(seconds, 1)})
    write_run(lived, _files(part, run).run)
    return lived


def _keep_metrics(endpoint: Monitored, run: Run, part: Part) -> list[MmebenchError]:
    """Write what others recorded during the run; that they do not answer is a problem, and no reason to stop."""
    since, until = (datetime.fromisoformat(at) for at in (run.started_at, run.finished_at))
    try:
        metrics = endpoint.metrics(since, until)
    except MmebenchError as error:
        return [error]
    write_metrics((asdict(metric) for metric in metrics), _files(part, run).metrics)
    return []


def _run_part(
    part: Part,
    package: Package,
    endpoint: Endpoint,
    spending: Spending,
    observer: Observer,
    web_port: int | None,
) -> None:
    """One run: fill the endpoint, offer the load, write what was measured."""
    spec, platform, directory = part.spec, part.platform, part.directory
    body, largest = part.body, part.largest
    with closing(RuntimeClient(endpoint)) as client:
        observer.serving(part.label, endpoint, spending.so_far)
        capacity = fill(
            endpoint,
            package.archive,
            package.model,
            invoke=lambda target: client.invoke(target, *body),
            grow=lambda target: client.invoke(target, *largest),
            limit=spec.targets.count if isinstance(spec.targets.count, int) else spec.targets.limit,
            threshold=spec.targets.threshold,
            on_load=lambda load: observer.loaded(load, endpoint.residency().memory_budget),
        )
        observer.filled(capacity)
        targets = _address_targets(spec.targets, capacity, endpoint, package)
        files = RunFiles(directory, endpoint.instance_type, platform.label, len(targets))
        job = LoadJob(
            url=endpoint.url,
            endpoint_name=endpoint.name,
            region=endpoint.region,
            targets=targets,
            inputs=package.inputs,
            max_batch_size=package.max_batch_size,
            workload=spec.workload,
            objectives=spec.objectives,
            samples=files.stream,
            web_port=web_port,
        )
        job.check()
        observer.offering(job)
        asked = Run(
            digest=part.fingerprint,
            model=package.model,
            platform=platform.label,
            precision=platform.precision,
            instance_type=endpoint.instance_type,
            container=endpoint.container,
            parameters=package.parameters,
            targets=len(targets),
            capacity=capacity,
            price=part.price,
            started_at=now(),
            finished_at=now(),
            spec=spec.model_dump(mode="json"),
            package=package.model_dump(mode="json", exclude={"archive"}),
            environment=describe_environment(),
        )
        run = measure_watching(endpoint, asked, job, files, spending.so_far, observer.live)
        # Not complete before the experiments are: what broke in between is measured again.
        write_run(run.model_copy(update={"complete": not spec.experiments}), files.run)
        subject = Subject(
            endpoint, client, package.archive, package.model, capacity.fits, body, job, run, files, spending.so_far
        )
        for experiment in spec.experiments:
            observer.experimenting(experiment)
            run_experiment(experiment, subject, observer.experimented)
        write_run(run, files.run)


def _address_targets(wanted: Targets, capacity: Capacity, endpoint: Endpoint, package: Package) -> tuple[str, ...]:
    """The targets that the load asks for, all behind the endpoint.

    As many as fit: those in memory now, since the last one loaded may have pushed out the first.
    """
    if wanted.capacity is None and wanted.count == "capacity":
        residency = endpoint.residency()
        if isinstance(residency, Residency):
            return residency.resident[-capacity.fits :]
        return tuple(load.target for load in capacity.loads)
    count = wanted.count if isinstance(wanted.count, int) else math.ceil(capacity.fits * (wanted.capacity or 1))
    targets = tuple(target_name(package.model, number) for number in range(count))
    endpoint.add_targets(package.archive, targets)
    return targets
