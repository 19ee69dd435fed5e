"""What a spec asks for, as a load to offer and as the record says it."""

from collections.abc import Iterable, Sequence
from typing import Any

from mmebench.benchmark.measurement import now
from mmebench.environment import describe_environment
from mmebench.load.asked_kind import AskedKind
from mmebench.load.job import LoadJob
from mmebench.models.package import Package
from mmebench.record.layout import RunFiles
from mmebench.record.run import ModelKind
from mmebench.spec import PlatformSpec, Spec
from mmebench.spec.fleet import MIX
from mmebench.spec.load import LoadSpec


def ask(spec: Spec | LoadSpec, kinds: Sequence[AskedKind], files: RunFiles, **where: Any) -> LoadJob:
    """The load of a spec, on targets that are all of what is served; it has been checked."""
    job = LoadJob(
        kinds=tuple(kinds),
        workload=spec.workload,
        objectives=spec.objectives,
        samples=files.stream,
        **where,
    )
    job.check()
    return job


def about(spec: Spec | LoadSpec, files: RunFiles) -> dict[str, Any]:
    """What each record says of what was asked, and where."""
    return {
        "platform": files.platform,
        "instance_type": files.instance_type,
        "targets": files.targets,
        "started_at": now(),
        "finished_at": now(),
        "spec": spec.model_dump(mode="json"),
        "environment": describe_environment(),
    }


def about_package(package: Package | None, platform: PlatformSpec) -> dict[str, Any]:
    """What a record says of what a model was served as."""
    return {
        "precision": platform.precision,
        "parameters": package.parameters if package else None,
        "package": package.model_dump(mode="json", exclude={"archive"}) if package else {},
    }


def about_kind(asked: AskedKind, model: str, platform: PlatformSpec, package: Package | None) -> ModelKind:
    """What a record says of one kind of model of a fleet, of which ``asked`` are the targets."""
    return ModelKind(
        name=asked.name,
        model=model,
        platform=platform.label,
        requests=asked.requests,
        targets=asked.targets,
        **about_package(package, platform),
    )


def about_fleet(kinds: Iterable[ModelKind]) -> dict[str, Any]:
    """What a record says of a fleet, in place of what it says of one model."""
    return {"precision": MIX, "parameters": None, "package": {}, "kinds": tuple(kinds)}
