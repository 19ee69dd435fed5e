"""A load on an endpoint that already runs."""

from pathlib import Path

from mmebench.benchmark.asked import about, about_package, ask
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
from mmebench.spec import PLATFORMS
from mmebench.spec.load import LoadSpec, ServedModel
from mmebench.wire.addresses import runtime_url


def load_endpoint(spec: LoadSpec, results: Path, observer: Observer, pages: LocustPages | None = None) -> Outcome:
    """Offer a workload to an endpoint that already runs; nothing is created there and nothing removed.

    Raises:
        BadInputError: the workload does not suit the endpoint's targets, or another process writes to the same
            directory. MmebenchError: the load broke.
    """
    endpoint = spec.endpoint
    package = _read(spec.model.package) if spec.model.package else None
    served: Package | ServedModel = package or spec.model
    # What an archive of the user's own computes in is not known; it is filed as mmebench run files it.
    precision = "fp16" if served.precision == "fp16" else "fp32"
    platform = PLATFORMS.read({"kind": served.platform, "precision": precision})
    name = package.model if package else str(spec.model.name)
    targets = endpoint.target_names
    files = RunFiles(results / name, endpoint.instance_type, platform.label, len(targets), spec.layout)
    kind = AskedKind.only(spec.workload, targets, served.inputs, served.max_batch_size, name)
    job = ask(
        spec,
        [kind],
        files,
        url=endpoint.url or runtime_url(endpoint.region, endpoint.fips),
        endpoint_name=endpoint.name,
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
        **about_package(package, platform),
    )

    with disk_errors(files.directory):
        make_folder(files.directory)
        with claim(files.directory):
            for what in recover(files.directory):
                observer.recovered(what)
            for what in too_short(spec.workload, spec.objectives):
                observer.warned(what)
            observer.planned(1, load_seconds(spec.workload))
            observer.offering(job)
            observer.measured(complete(measure(asked, job, files, observer.live, observer.gathering), files))
            return Outcome(files.directory, write_report(files.directory, objectives=spec.objectives))


def _read(record: Path) -> Package:
    try:
        return read_package(record)
    except MmebenchError as error:
        raise BadInputError(
            f"model.package: {error}; give the JSON that mmebench package wrote beside the archive"
        ) from None
