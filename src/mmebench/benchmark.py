"""The story: a spec goes in, a results directory comes out.

spec -> model -> archive -> endpoint -> capacity -> load -> results -> report
"""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mmebench.capacity import fill, target_name
from mmebench.endpoints import find_prices, open_endpoint
from mmebench.endpoints.ahead import open_ahead
from mmebench.endpoints.endpoint import Endpoint, Monitored, Residency
from mmebench.endpoints.runtime import RuntimeClient
from mmebench.environment import describe_environment
from mmebench.errors import BadInputError, MmebenchError
from mmebench.experiments import Subject, run_experiment
from mmebench.load.events import Live
from mmebench.load.host import runtime_url
from mmebench.load.job import LoadJob
from mmebench.load.payload import Body, make_body
from mmebench.measurement import digest, measure, measure_watching, now
from mmebench.models.engine import exported_platform, find_builder, is_built, package_engine
from mmebench.models.package import Package, package_model, read_package
from mmebench.report.report import Report, write_report
from mmebench.results.layout import RunFiles, find_runs
from mmebench.results.metrics import write_metrics
from mmebench.results.run import Capacity, Load, Price, Run, read_run, write_run
from mmebench.spec import Experiment, PlatformSpec, ServedEndpoint, Spec, Targets
from mmebench.spec.load import LoadSpec, ServedModel

if TYPE_CHECKING:
    from mmebench.endpoints.sagemaker.prices import Price as InstancePrice


class Observer(Protocol):
    """Is told what happens while a benchmark runs; the command line shows it."""

    def packaging(self, platform: PlatformSpec, message: str) -> None:
        """A step of the export."""

    def packaged(self, package: Package) -> None:
        """The archive is there."""

    def kept(self, run: Run) -> None:
        """An earlier start has measured this run already."""

    def coming_up(self, what: str, message: str) -> None:
        """An endpoint is being created, perhaps while another one is measured; called by any thread."""

    def came_up(self, what: str) -> None:
        """It is there, or has failed."""

    def serving(self, platform: PlatformSpec, endpoint: Endpoint) -> None:
        """The endpoint is up."""

    def loaded(self, load: Load, memory_budget: int | None) -> None:
        """One more target is in memory."""

    def filled(self, capacity: Capacity) -> None:
        """The search for capacity is over."""

    def offering(self, job: LoadJob) -> None:
        """The load starts."""

    def live(self, live: Live) -> None:
        """What the load was like in the last second."""

    def experimenting(self, experiment: Experiment) -> None:
        """An experiment starts."""

    def experimented(self, what: str, share: float) -> None:
        """What it does now, and which share of it is over."""

    def measured(self, run: Run) -> None:
        """The run is complete and on disk."""


@dataclass(frozen=True)
class Outcome:
    """What a benchmark left: the directory of the model, its report, and what went wrong beside it."""

    directory: Path
    report: Report
    problems: tuple[MmebenchError, ...] = ()


@dataclass(frozen=True)
class _Part:
    """A run that is yet to be measured: a platform on an endpoint."""

    spec: Spec
    """With this part's endpoint alone."""
    platform: PlatformSpec
    package: Package
    """What is served, or what its engine is built from."""
    body: Body
    """One request of the load."""
    largest: Body
    """One with the largest batch that can form under load."""
    directory: Path
    fingerprint: str
    price: Price | None

    @property
    def label(self) -> str:
        """``pt on ml.g5.xlarge``, or ``pt`` where there is one kind of machine only."""
        endpoint = self.spec.endpoint
        return (
            f"{self.platform.label} on {endpoint.instance_type}" if endpoint.instance_type else self.platform.label
        )


@dataclass(frozen=True)
class _Ready:
    """What a part's endpoint serves, and when it was there (monotonic, seconds)."""

    package: Package
    since: float


def run_benchmark(spec: Spec, results: Path, observer: Observer) -> Outcome:
    """Measure every platform on every endpoint of the spec that has not been measured yet; report after each.

    A part that fails does not keep the others from being measured.

    Raises:
        MmebenchError: nothing could be measured. What was, and the samples of what broke, are on disk, and the
            same call goes on from there.
    """
    results.mkdir(parents=True, exist_ok=True)
    problems: list[MmebenchError] = []
    ready: dict[str, _Ready] = {}
    kept: list[Path] = []
    watched: list[tuple[Monitored, Run, _Part]] = []
    outcome = None
    with (
        # Beside the packages, so that a copy of an archive is a link and not megabytes.
        tempfile.TemporaryDirectory(prefix=".store-", dir=results) as stores,
        closing(
            open_ahead(
                _parts(spec, results, kept, observer),
                lambda part, proceed: _open(part, results, Path(stores), ready, observer, proceed),
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
                    _run_part(part, ready[part.fingerprint].package, endpoint, observer)
            except BadInputError:
                raise
            except MmebenchError as error:
                problems.append(error)
            run = _find_complete(part.directory, part.fingerprint)
            if run is not None:
                run = _with_life(run, part, time.monotonic() - ready[part.fingerprint].since)
                if isinstance(endpoint, Monitored):
                    watched.append((endpoint, run, part))
                observer.measured(run)
                outcome = Outcome(part.directory, write_report(part.directory), tuple(problems))
    for monitored, run, part in watched:  # last, as monitoring shows what happened only minutes later
        problems += _keep_metrics(monitored, run, part)
    if outcome is None and kept and not problems:
        outcome = Outcome(kept[-1], write_report(kept[-1]))
    if outcome is None:
        raise problems[0]
    return replace(outcome, problems=tuple(problems))


def load_endpoint(spec: LoadSpec, results: Path, observer: Observer) -> Outcome:
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
    observer.measured(measure(asked, job, files, observer.live))
    return Outcome(files.directory, write_report(files.directory))


def _parts(spec: Spec, results: Path, kept: list[Path], observer: Observer) -> Iterator[_Part]:
    """What is yet to be measured, packaged; the directories of what is there already go to ``kept``.

    Raises:
        BadInputError: a package cannot be served, or all of it could cost more than the spec allows.
    """
    builds = sum(is_built(spec.model, platform) for platform in spec.platforms)
    prices = find_prices(spec.endpoint, len(spec.platforms), builds)
    for endpoint in spec.endpoint.each():
        for platform in spec.platforms:
            form = platform
            if is_built(spec.model, platform):
                find_builder(endpoint)
                form = exported_platform(platform)
            package = package_model(spec.model, form, results / ".packages", partial(observer.packaging, platform))
            observer.packaged(package)
            directory = results / package.model
            directory.mkdir(parents=True, exist_ok=True)
            alone = spec.model_copy(update={"endpoint": endpoint})
            fingerprint = _fingerprint(alone, platform, package)
            run = _find_complete(directory, fingerprint)
            if run is None:
                bodies = _bodies(spec, platform, package)
                price = _price_of(endpoint, prices)
                yield _Part(alone, platform, package, *bodies, directory, fingerprint, price)
            else:
                observer.kept(run)
                kept.append(directory)


def _bodies(spec: Spec, platform: PlatformSpec, package: Package) -> tuple[Body, Body]:
    """One request of the load, and one with the largest batch that can form under it.

    Raises:
        BadInputError: the model cannot take them.
    """
    payload = spec.workload.payload
    longest = package.max_sequence_length
    if longest is not None and payload.sequence_length > longest:
        raise BadInputError(
            f"workload.payload.sequence_length: got {payload.sequence_length}; "
            f"{package.model} takes {longest} tokens at most"
        )
    body = make_body(package.inputs, payload, package.max_batch_size)
    batch = package.max_batch_size if platform.dynamic_batching else payload.batch
    largest = make_body(package.inputs, payload.model_copy(update={"batch": batch}), package.max_batch_size)
    return body, largest


def _price_of(endpoint: ServedEndpoint, prices: "dict[str, InstancePrice]") -> Price | None:
    """Of all instances of an endpoint together."""
    price = prices.get(endpoint.instance_type or "")
    if price is None:
        return None
    return Price(usd_per_hour=price.usd_per_hour * endpoint.instance_count, source=price.source)


def _open(
    part: _Part,
    results: Path,
    stores: Path,
    ready: dict[str, _Ready],
    observer: Observer,
    proceed: Callable[[], None],
) -> Endpoint:
    """The part's endpoint, after its engine; in a thread of its own where several may come up at once."""

    def tell(message: str) -> None:
        observer.coming_up(part.label, message)
        proceed()

    package, endpoint_spec = part.package, part.spec.endpoint
    if is_built(part.spec.model, part.platform):
        builder, longest = find_builder(endpoint_spec), part.spec.workload.payload.sequence_length
        package = package_engine(package, part.platform, longest, builder, results / ".packages", tell)
    store = Path(tempfile.mkdtemp(dir=stores))
    endpoint = open_endpoint(endpoint_spec, store, part.directory / "endpoint.log", tell)
    ready[part.fingerprint] = _Ready(package, time.monotonic())
    return endpoint


def _with_life(run: Run, part: _Part, seconds: float) -> Run:
    """The run, on disk too, with how long its endpoint was there, where that costs something."""
    if run.price is None:
        return run
    lived = run.model_copy(update={"endpoint_seconds": round(seconds, 1)})
    write_run(lived, RunFiles(part.directory, run.instance_type, run.platform, run.targets).run)
    return lived


def _keep_metrics(endpoint: Monitored, run: Run, part: _Part) -> list[MmebenchError]:
    """Write what others recorded during the run; that they do not answer is a problem, and no reason to stop."""
    since, until = (datetime.fromisoformat(at) for at in (run.started_at, run.finished_at))
    try:
        metrics = endpoint.metrics(since, until)
    except MmebenchError as error:
        return [error]
    files = RunFiles(part.directory, run.instance_type, run.platform, run.targets)
    write_metrics((asdict(metric) for metric in metrics), files.metrics)
    return []


def _run_part(part: _Part, package: Package, endpoint: Endpoint, observer: Observer) -> None:
    """One run: fill the endpoint, offer the load, write what was measured."""
    spec, platform, directory = part.spec, part.platform, part.directory
    body, largest = part.body, part.largest
    with closing(RuntimeClient(endpoint)) as client:
        observer.serving(platform, endpoint)
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
        run = measure_watching(endpoint, asked, job, files, observer.live)
        # Not complete before the experiments are: what broke in between is measured again.
        write_run(run.model_copy(update={"complete": not spec.experiments}), files.run)
        subject = Subject(endpoint, client, package.archive, package.model, capacity.fits, body, job, run, files)
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


def _fingerprint(spec: Spec, platform: PlatformSpec, package: Package) -> str:
    """Of all that decides what is measured; other platforms of the spec do not, objectives only in a search."""
    beside = {"platforms"} if spec.workload.profile.search else {"platforms", "objectives"}
    asked = spec.model_dump(mode="json", exclude=beside)
    asked["endpoint"] = {key: value for key, value in asked["endpoint"].items() if key not in spec.endpoint.beside}
    return digest(asked | {"platform": platform.model_dump(mode="json"), "archive": package.sha256})


def _find_complete(directory: Path, fingerprint: str) -> Run | None:
    """The run of an earlier start with this fingerprint, if it got to its end."""
    for files in find_runs(directory):
        if files.run.exists():
            run = read_run(files.run)
            if run.complete and run.digest == fingerprint:
                return run
    return None
