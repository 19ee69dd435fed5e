"""A load on an endpoint that already runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmebench.benchmark.asked import about, about_fleet, about_kind, about_package, ask
from mmebench.benchmark.measurement import complete, digest, measure
from mmebench.benchmark.observer import Observer
from mmebench.benchmark.outcome import Outcome
from mmebench.benchmark.time_left import load_seconds
from mmebench.errors import BadInputError, MmebenchError, disk_errors, make_folder
from mmebench.load.asked_kind import AskedKind
from mmebench.load.locust_pages import LocustPages
from mmebench.load.schedule.plan import too_short
from mmebench.models.package import Package, read_package
from mmebench.record.claim import claim
from mmebench.record.layout import RunFiles
from mmebench.record.recovery import recover
from mmebench.record.run import Run
from mmebench.report.report import write_report
from mmebench.spec import PLATFORMS, PlatformSpec, Workload
from mmebench.spec.fleet import MIX, UNNAMED
from mmebench.spec.load import LoadSpec, ServedModel
from mmebench.wire.addresses import runtime_url


def load_endpoint(spec: LoadSpec, results: Path, observer: Observer, pages: LocustPages | None = None) -> Outcome:
    """Offer a workload to an endpoint that already runs; nothing is created there and nothing removed.

    Raises:
        BadInputError: the workload does not suit the endpoint's targets, or another process writes to the same
            directory. MmebenchError: the load broke.
    """
    endpoint = spec.endpoint
    kinds = _kinds(spec)
    name = spec.name or UNNAMED if spec.models else kinds[0].model
    platform = MIX if spec.models else kinds[0].platform.label
    count = sum(len(kind.asked.targets) for kind in kinds)
    files = RunFiles(results / name, endpoint.label, platform, count, spec.layout)
    job = ask(
        spec,
        [kind.asked for kind in kinds],
        files,
        url=endpoint.url or runtime_url(endpoint.region, endpoint.fips),
        endpoint_name=endpoint.name,
        hosting=endpoint.hosting,
        region=endpoint.region,
        profile=endpoint.profile,
        ca=endpoint.ca,
        pages=pages,
    )
    asked = Run(
        digest=digest(spec.model_dump(mode="json")),
        model=name,
        container="existing",
        **about(spec, files),
        **_about_models(spec, kinds),
    )

    with disk_errors(files.directory):
        make_folder(files.directory)
        with claim(files.directory):
            for what in recover(files.directory):
                observer.recovered(what)
            for what in too_short(spec.workload, spec.objectives, spec.shares):
                observer.warned(what)
            observer.planned(1, load_seconds(spec.workload))
            observer.offering(job)
            run = complete(measure(asked, job, files, observer.live, observer.gathering), files)
            observer.measured("load", run)
            return Outcome(files.directory, write_report(files.directory, objectives=spec.objectives))


class _Kind(NamedTuple):
    """A kind of model behind the endpoint."""

    asked: AskedKind
    model: str
    platform: PlatformSpec
    package: Package | None


def _kinds(spec: LoadSpec) -> list[_Kind]:
    workload = spec.workload
    if spec.models is None:
        assert spec.model is not None, "the spec has one of both"
        return [_kind(spec.model, "model", spec.endpoint.target_names, workload)]
    found = []
    for name, member in spec.models.items():
        own = {field: getattr(member, field) or getattr(workload, field) for field in ("payload", "popularity")}
        kind = _kind(member, f"models.{name}", member.target_names, workload.model_copy(update=own))
        named = kind.asked.model_copy(update={"name": name, "requests": spec.shares[name]})
        found.append(kind._replace(asked=named))
    return found


def _kind(model: ServedModel, where: str, targets: tuple[str, ...], workload: Workload) -> _Kind:
    package = _read(model.package, where) if model.package else None
    served: Package | ServedModel = package or model
    # What an archive of the user's own computes in is not known; it is filed as mmebench run files it.
    precision = "fp16" if served.precision == "fp16" else "fp32"
    platform = PLATFORMS.read({"kind": served.platform, "precision": precision})
    name = package.model if package else str(model.name)
    asked = AskedKind.only(workload, targets, served.inputs, served.max_batch_size, name)
    return _Kind(asked, name, platform, package)


def _about_models(spec: LoadSpec, kinds: Sequence[_Kind]) -> dict[str, Any]:
    """What the record says of what is behind the endpoint."""
    if spec.models is None:
        return about_package(kinds[0].package, kinds[0].platform)
    return about_fleet(about_kind(*kind) for kind in kinds)


def _read(record: Path, where: str) -> Package:
    try:
        return read_package(record)
    except MmebenchError as error:
        raise BadInputError(
            f"{where}.package: {error}; give the JSON that mmebench package wrote beside the archive"
        ) from None
