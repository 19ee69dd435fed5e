"""Deletion: whatever a run created, in an order in which AWS lets it go, past everything that goes wrong."""

import time
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.endpoints.sagemaker.bucket import abort_uploads, delete_objects, list_versions
from mmebench.endpoints.sagemaker.names import Kind, Resource

_ORDER: tuple[Kind, ...] = ("endpoint", "training-job", "processing-job", "endpoint-config", "model", "objects")
"""What costs most goes first."""
_GONE_SECONDS = 1800.0
"""An endpoint that is being created cannot be deleted before it is up, or has failed."""
_STOPPED_SECONDS = 600.0
_POLL_SECONDS = 10.0

Progress = Callable[[str], None]


def delete(
    resources: Iterable[Resource], aws: Callable[[str], Aws], progress: Progress = lambda message: None
) -> dict[Resource, str]:
    """Delete all of them; one that is not there is as good as deleted.

    Args:
        resources: of any runs, in any order.
        aws: gives the clients of a region.
        progress: told what is deleted now.

    Returns:
        What could not be deleted, and why.
    """
    left: dict[Resource, str] = {}
    for resource in sorted(set(resources), key=lambda one: _ORDER.index(one.kind)):
        progress(f"delete {resource.kind} {resource.name}")
        try:
            _DELETE[resource.kind](aws(resource.region), resource.name)
        except AwsError as error:
            if not error.missing:
                left[resource] = str(error)
    return left


def _delete_endpoint(aws: Aws, name: str) -> None:
    """Ask until AWS agrees, then wait until it is gone: it costs until then."""
    deadline = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < deadline:
        try:
            with calling(f"delete endpoint {name}"):
                status = aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
                if status != "Deleting":
                    aws.sagemaker.delete_endpoint(EndpointName=name)
                    continue
        except AwsError as error:
            if error.missing:
                return
            # AWS lets go of an endpoint only between two changes of it, and may not be heard for a while.
            if error.code != "ValidationException" and not error.passing:
                raise
        time.sleep(_POLL_SECONDS)
    raise AwsError(f"delete endpoint {name}: it is still there after {_GONE_SECONDS:g} s", "", "")


def _delete_config(aws: Aws, name: str) -> None:
    with calling(f"delete endpoint config {name}"):
        aws.sagemaker.delete_endpoint_config(EndpointConfigName=name)


def _delete_model(aws: Aws, name: str) -> None:
    with calling(f"delete model {name}"):
        aws.sagemaker.delete_model(ModelName=name)


def _stop_training_job(aws: Aws, name: str) -> None:
    """A job that is over costs nothing; its record cannot cost anything either and stays."""
    _stop(
        f"stop training job {name}",
        lambda: aws.sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"],
        lambda: aws.sagemaker.stop_training_job(TrainingJobName=name),
    )


def _stop_processing_job(aws: Aws, name: str) -> None:
    _stop(
        f"stop processing job {name}",
        lambda: aws.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"],
        lambda: aws.sagemaker.stop_processing_job(ProcessingJobName=name),
    )


def _stop(what: str, ask: Callable[[], str], stop: Callable[[], object]) -> None:
    """Return when the job has ended: one that is told to may yet write what it has, for two minutes."""
    deadline = time.monotonic() + _STOPPED_SECONDS
    with calling(what):
        status = ask()
        if status == "InProgress":
            stop()
            status = ask()
        while status in ("InProgress", "Stopping"):
            if time.monotonic() > deadline:
                raise AwsError(f"{what}: it is still {status} after {_STOPPED_SECONDS:g} s", "", "")
            time.sleep(_POLL_SECONDS)
            status = ask()


def _delete_objects(aws: Aws, url: str) -> None:
    parts = urlsplit(url)
    bucket, prefix = parts.netloc, parts.path.lstrip("/")
    abort_uploads(aws, bucket, prefix)
    failures = delete_objects(aws, bucket, list(list_versions(aws, bucket, prefix)))
    if failures:
        raise AwsError("; ".join(failures[:3]), "", "")


_DELETE: dict[Kind, Callable[[Aws, str], None]] = {
    "endpoint": _delete_endpoint,
    "endpoint-config": _delete_config,
    "model": _delete_model,
    "training-job": _stop_training_job,
    "processing-job": _stop_processing_job,
    "objects": _delete_objects,
}
