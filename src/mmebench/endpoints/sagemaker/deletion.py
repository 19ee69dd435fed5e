"""Deletion: whatever a run created, in an order in which AWS lets it go, past everything that goes wrong."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.endpoints.sagemaker.bucket import abort_uploads, delete_objects, list_versions
from mmebench.endpoints.sagemaker.names import Kind, Resource
from mmebench.endpoints.sagemaker.requests import scaled

_ORDER: tuple[Kind, ...] = (
    "scalable-target",
    "inference-component",
    "endpoint",
    "training-job",
    "processing-job",
    "endpoint-config",
    "model",
    "objects",
)
"""What costs most goes first, after what AWS does not let it go with."""
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
    wanted = set(resources)
    for kind in _ORDER:
        alike = sorted(resource for resource in wanted if resource.kind == kind)
        if len(alike) > 1 and kind in _WAITED_FOR:
            for resource in alike:  # they go side by side; whoever cannot be asked yet is asked again below
                with suppress(AwsError):
                    _WAITED_FOR[kind].ask(aws(resource.region), resource.name)
        for resource in alike:
            progress(f"delete {resource.kind} {resource.name}")
            try:
                _DELETE[kind](aws(resource.region), resource.name)
            except AwsError as error:
                if not error.missing:
                    left[resource] = str(error)
    return left


class _Deletion(NamedTuple):
    """Of something that goes on for a while, and costs until it is over."""

    what: str
    describe: Callable[[Aws, str], str]
    """Its status."""
    delete: Callable[[Aws, str], object]

    def ask(self, aws: Aws, name: str) -> bool:
        """For its deletion, unless that goes on; whether it was asked for. Raises AwsError."""
        with calling(f"delete {self.what} {name}"):
            if self.describe(aws, name) == "Deleting":
                return False
            self.delete(aws, name)
            return True

    def carry_out(self, aws: Aws, name: str) -> None:
        """Ask until AWS agrees, then wait until it is gone."""
        deadline, asked = time.monotonic() + _GONE_SECONDS, False
        while time.monotonic() < deadline:
            try:
                if self.ask(aws, name) and not asked:
                    asked = True  # it may be gone at once
                    continue
            except AwsError as error:
                if error.missing:
                    return
                # AWS lets go of it only between two changes of it, and may not be heard for a while.
                if error.code != "ValidationException" and not error.passing:
                    raise
            time.sleep(_POLL_SECONDS)
        raise AwsError(f"delete {self.what} {name}: it is still there after {_GONE_SECONDS:g} s", "", "")


_WAITED_FOR: dict[Kind, _Deletion] = {
    "endpoint": _Deletion(
        "endpoint",
        lambda aws, name: str(aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]),
        lambda aws, name: aws.sagemaker.delete_endpoint(EndpointName=name),
    ),
    "inference-component": _Deletion(
        "inference component",
        lambda aws, name: str(
            aws.sagemaker.describe_inference_component(InferenceComponentName=name)["InferenceComponentStatus"]
        ),
        lambda aws, name: aws.sagemaker.delete_inference_component(InferenceComponentName=name),
    ),
}


def _deregister(aws: Aws, name: str) -> None:
    """With it go its policies and their alarms."""
    with calling(f"end autoscaling of {name}"):
        aws.autoscaling.deregister_scalable_target(**scaled(name))


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
    "scalable-target": _deregister,
    "inference-component": _WAITED_FOR["inference-component"].carry_out,
    "endpoint": _WAITED_FOR["endpoint"].carry_out,
    "endpoint-config": _delete_config,
    "model": _delete_model,
    "training-job": _stop_training_job,
    "processing-job": _stop_processing_job,
    "objects": _delete_objects,
}
