"""The runs on one endpoint that is up: it is filled, then loaded and experimented with, once or each repeat."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from mmebench.benchmark.addressing import address_targets
from mmebench.benchmark.asked import about, about_fleet, about_kind, about_package, ask
from mmebench.benchmark.experiments.experiment import run_experiment
from mmebench.benchmark.experiments.subject import Subject
from mmebench.benchmark.filling import fill
from mmebench.benchmark.kind import Copy, PackagedKind, in_proportion
from mmebench.benchmark.measurement import complete, measure_watching
from mmebench.benchmark.observer import Observer
from mmebench.benchmark.parts import OpenPart, Part
from mmebench.benchmark.spending import Spending
from mmebench.errors import MmebenchError, disk_errors
from mmebench.load.asked_kind import AskedKind
from mmebench.load.locust_pages import LocustPages
from mmebench.record.layout import RunFiles
from mmebench.record.run import Capacity, EndpointTime, Run
from mmebench.spec import Fleet
from mmebench.uptime import uptime
from mmebench.wire.runtime import RuntimeClient

OnStage = Callable[[RunFiles, Run], None]
"""Is told of each stage of a load that is over; :class:`EndedEarlyError` ends it there."""


class EndedEarlyError(MmebenchError):
    """Nobody wants the rest of the run, nor of the benchmark; what was measured is kept."""


class _Filled(NamedTuple):
    """What an endpoint holds."""

    capacity: Capacity
    targets: list[tuple[str, ...]]
    """Those of each kind that the load asks for."""
    seconds: float
    """That it took."""


def files_of(part: Part, run: Run) -> RunFiles:
    """Where the run of a part is."""
    return RunFiles(part.directory, run.instance_type, run.platform, run.targets, part.spec.layout)


def measure_on_endpoint(
    parts: Sequence[Part],
    opened: OpenPart,
    spending: Spending,
    observer: Observer,
    pages: LocustPages | None,
    on_stage: OnStage,
) -> tuple[list[Run], MmebenchError | None]:
    """The complete runs of these parts, until one broke, and what went wrong, which may be the clean-up alone.

    Args:
        parts: one, or repeats that are measured on one endpoint.
        opened: that of the first of them, which is taken down.
        spending: that of the whole benchmark.
        observer: is told how it goes.
        pages: where Locust's own pages are while a load goes on; None is nowhere.
        on_stage: see :data:`OnStage`.
    """
    runs: list[Run] = []
    problem: MmebenchError | None = None
    filled: _Filled | None = None
    measured = uptime()
    try:
        with (
            disk_errors(parts[0].directory),
            opened.endpoint,
            closing(RuntimeClient(opened.endpoint, parts[0].spec.endpoint.aws_profile)) as client,
        ):
            try:
                for part in parts:
                    if filled is None:
                        observer.serving(part.label, opened.endpoint, spending.so_far)
                        filled = _fill(part, opened, client, observer)
                    else:
                        observer.again(part.label)
                    runs.append(_measure(part, opened, filled, client, spending, observer, pages, on_stage))
                    opened, filled = replace(opened, seconds=0.0), filled._replace(seconds=0.0)
            finally:
                measured = uptime()
    except MmebenchError as error:
        problem = error
    finally:
        # Here and nowhere else, when all that there is to measure is on disk; after Ctrl-C in the clean-up too.
        seconds, deleting = spending.end(parts[0].fingerprint), uptime() - measured
        if runs:
            runs[-1] = _with_time(runs[-1], delete=deleting)
        runs = [
            complete(run, files_of(part, run), None if run.price is None else round(seconds / len(runs), 1))
            for part, run in zip(parts, runs, strict=False)
        ]
    return runs, problem


def _fill(part: Part, opened: OpenPart, client: RuntimeClient, observer: Observer) -> _Filled:
    """Fill the endpoint until its first eviction, and have those targets there that the load asks for."""
    spec, kinds, endpoint, began = part.spec, opened.kinds, opened.endpoint, uptime()

    def invoke(copy: Copy) -> None:
        client.invoke(copy.target, *copy.kind.body)

    fixed = sum(kind.asked.targets.fixed or 0 for kind in kinds)
    most = fixed + spec.targets.limit
    if spec.endpoint.most_targets is not None:
        most = min(most, spec.endpoint.most_targets)
    capacity = fill(
        endpoint,
        islice(in_proportion(kinds), most),
        invoke,
        grow=lambda copy: copy.kind.growth.send(lambda body: client.invoke(copy.target, *body)),
        threshold=spec.targets.threshold,
        on_load=lambda load: observer.loaded(load, endpoint.residency().memory_budget),
        kinds=[kind.name for kind in kinds] if part.wanted.fleet.name else (),
    )
    observer.filled(capacity)
    targets = address_targets(spec.targets, kinds, capacity, endpoint, invoke)
    seconds = uptime() - began
    there = sum(map(len, targets))
    if there < fixed:
        observer.warned(f"{endpoint.hosting}: {there} of {fixed} targets have room, and the load is on these")
    return _Filled(capacity, targets, seconds)


def _measure(
    part: Part,
    opened: OpenPart,
    filled: _Filled,
    client: RuntimeClient,
    spending: Spending,
    observer: Observer,
    pages: LocustPages | None,
    on_stage: OnStage,
) -> Run:
    """One run: offer the load, do the experiments."""
    spec, fleet, kinds, endpoint = part.spec, part.wanted.fleet, opened.kinds, opened.endpoint
    asked = [kind.under_load(own) for kind, own in zip(kinds, filled.targets, strict=True)]
    where = (part.directory, endpoint.instance_type, part.wanted.label)
    files = RunFiles(*where, sum(map(len, filled.targets)), spec.layout)
    job = ask(
        spec,
        asked,
        files,
        url=endpoint.url,
        endpoint_name=endpoint.name,
        region=endpoint.region,
        hosting=endpoint.hosting,
        prefix=endpoint.prefix,
        profile=spec.endpoint.aws_profile,
        pages=pages,
    )
    observer.offering(job)
    record = Run(
        digest=part.fingerprint,
        shared_digest=part.shared_digest,
        model=part.model,
        container=endpoint.container,
        capacity=filled.capacity,
        price=part.price,
        changes=dict(part.wanted.variant.changes) if part.wanted.variant else {},
        **about(spec, files),
        **_about_fleet(fleet, kinds, asked),
    )
    began = uptime()
    run = measure_watching(
        endpoint,
        record,
        job,
        files,
        spending.so_far,
        observer.live,
        observer.gathering,
        partial(on_stage, files),
    )
    subject = Subject(
        endpoint, client, kinds, filled.capacity, job, run, files, spending.so_far, observer.experiment_live
    )
    loaded = uptime()
    for experiment in spec.experiments:
        observer.experimenting(experiment)
        run_experiment(experiment, subject, observer.experimented)
    return _with_time(
        run, create=opened.seconds, fill=filled.seconds, load=loaded - began, experiments=uptime() - loaded
    )


def _with_time(run: Run, **seconds: float) -> Run:
    """The same, with where these seconds of its endpoint went."""
    known = run.endpoint_time or EndpointTime(create=0, fill=0, load=0, experiments=0, delete=0)
    rounded = {name: round(value, 1) for name, value in seconds.items()}
    return run.model_copy(update={"endpoint_time": known.model_copy(update=rounded)})


def _about_fleet(fleet: Fleet, kinds: Sequence[PackagedKind], asked: Sequence[AskedKind]) -> dict[str, Any]:
    """What the record says of what is served."""
    if fleet.name is None:
        return about_package(kinds[0].package, kinds[0].asked.platform)
    return about_fleet(
        about_kind(own, kind.package.model, kind.asked.platform, kind.package)
        for kind, own in zip(kinds, asked, strict=True)
    )
