"""``mmebench load``: offer load to an endpoint that already runs."""

import hashlib
import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from mmebench.spec.load import LoadSpec, ServedModel


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Where results go, in the same layout as those of mmebench run.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: workload.payload.batch=4"
)
def load(spec: Path, results: Path, overrides: tuple[str, ...]) -> int:
    """Offer SPEC's workload to a multi-model endpoint that already runs; nothing is created, nothing removed."""
    from rich.console import Console

    from mmebench.report.objectives import judge
    from mmebench.report.report import write_report
    from mmebench.report.table import summary_table
    from mmebench.spec.reading import read_load_spec

    wanted = read_load_spec(spec, overrides)
    model, package = _describe(wanted.model)
    # A SIGTERM takes the same way out as Ctrl-C: the load is stopped, what was measured is kept.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console()
    directory = results / str(model.name)
    _measure(wanted, model, package, directory, console)
    summary = write_report(directory)
    console.print(summary_table(summary))
    verdict = judge(summary, wanted.objectives)
    for line in verdict.lines:
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"Results, charts and samples: {directory}/", highlight=False)
    return 0 if verdict.met else 1


def _describe(model: "ServedModel") -> "tuple[ServedModel, dict[str, Any]]":
    """The model in the spec's own words, and the record of its package where there is one."""
    from mmebench.models.package import read_package

    if model.package is None:
        return model, model.model_dump(mode="json")
    package = read_package(model.package)
    said = ("platform", "precision", "inputs", "max_batch_size")
    named = {"name": package.model, **{key: getattr(package, key) for key in said}}
    return type(model).model_validate(named), package.model_dump(mode="json", exclude={"archive"})


def _measure(
    wanted: "LoadSpec", model: "ServedModel", package: dict[str, Any], directory: Path, console: "Console"
) -> None:
    """Offer the load; samples and record are on disk afterwards, whatever happened."""
    from mmebench.environment import describe_environment
    from mmebench.load.events import Live
    from mmebench.load.host import runtime_url
    from mmebench.load.job import LoadJob
    from mmebench.load.process import offer_load
    from mmebench.results.layout import RunFiles
    from mmebench.results.run import Run, StageWindow
    from mmebench.results.samples import keep_samples
    from mmebench.spec import PlatformSpec

    endpoint, targets = wanted.endpoint, wanted.endpoint.target_names
    platform = PlatformSpec.model_validate({"kind": model.platform, "precision": model.precision})
    files = RunFiles(directory, endpoint.instance_type, platform.label, len(targets))
    job = LoadJob(
        url=(endpoint.url or runtime_url(endpoint.region, endpoint.fips)).rstrip("/"),
        endpoint_name=endpoint.name,
        region=endpoint.region,
        targets=targets,
        inputs=model.inputs,
        max_batch_size=model.max_batch_size,
        workload=wanted.workload,
        objectives=wanted.objectives,
        ca=endpoint.ca,
        samples=files.samples.with_suffix(".arrows"),
    )
    job.check()
    directory.mkdir(parents=True, exist_ok=True)
    files.set_aside()
    stages: list[StageWindow] = []
    started_at, complete = _now(), False
    console.print(f"{job.url}{job.path}, {len(targets)} targets", highlight=False, soft_wrap=True)
    with console.status("the load starts") as status:

        def on_event(event: Live | StageWindow) -> None:
            if isinstance(event, StageWindow):
                stages.append(event)
            else:
                latency = f", p50 {event.p50:.0f} ms" if event.p50 is not None else ""
                status.update(
                    f"stage {event.stage + 1}, {event.elapsed:.0f} s, {event.users} users: "
                    f"{event.successes} requests/s{latency}, {event.failures} failed"
                )

        try:
            offer_load(job, files.prefix, directory / "load.log", on_event)
            complete = True
        finally:
            if job.samples.exists():
                keep_samples(job.samples, files.samples)
            asked = wanted.model_dump(mode="json")
            run = Run(
                complete=complete,
                digest=hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest(),
                model=str(model.name),
                platform=platform.label,
                precision=platform.precision,
                instance_type=endpoint.instance_type,
                container="existing",
                parameters=package.get("parameters"),
                targets=len(targets),
                capacity=None,
                stages=tuple(stages),
                loads_during_load=None,
                evictions_during_load=None,
                started_at=started_at,
                finished_at=_now(),
                spec=asked,
                package=package,
                environment=describe_environment(),
            )
            files.run.write_text(run.model_dump_json(indent=1), encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
