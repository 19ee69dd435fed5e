"""What a spec asks for, as a load to offer and as the record says it."""

from typing import Any

from mmebench.benchmark.measurement import now
from mmebench.environment import describe_environment
from mmebench.load.job import LoadJob
from mmebench.models.package import Package
from mmebench.record.layout import RunFiles
from mmebench.spec import PlatformSpec, Spec
from mmebench.spec.load import LoadSpec, ServedModel


def ask(spec: Spec | LoadSpec, served: Package | ServedModel, files: RunFiles, **where: Any) -> LoadJob:
    """The load of a spec, on targets that are all of what is served; it has been checked."""
    job = LoadJob(
        inputs=served.inputs,
        max_batch_size=served.max_batch_size,
        workload=spec.workload,
        objectives=spec.objectives,
        samples=files.stream,
        **where,
    )
    job.check()
    return job


def about(
    spec: Spec | LoadSpec, package: Package | None, platform: PlatformSpec, files: RunFiles
) -> dict[str, Any]:
    """What each record says of what was asked, and where."""
    return {
        "platform": platform.label,
        "precision": platform.precision,
        "instance_type": files.instance_type,
        "targets": files.targets,
        "started_at": now(),
        "finished_at": now(),
        "spec": spec.model_dump(mode="json"),
        "package": package.model_dump(mode="json", exclude={"archive"}) if package else {},
        "environment": describe_environment(),
    }
