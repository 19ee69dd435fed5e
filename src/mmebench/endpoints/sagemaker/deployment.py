"""Deployment: model, endpoint config and endpoint, each in the journal before it exists; then the wait."""

import time
from collections.abc import Callable
from typing import Any

from mmebench.endpoints.endpoint import NoRoomError
from mmebench.endpoints.sagemaker.aws import Aws, AwsError, ask_again, aws_error, calling
from mmebench.endpoints.sagemaker.journal import Journal
from mmebench.endpoints.sagemaker.names import Resource
from mmebench.endpoints.sagemaker.requests import config_request, endpoint_request, model_request
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint
from mmebench.units import human_seconds

_POLL_SECONDS = 15.0
_SETTLE_SECONDS = 3.0
_SETTLE_ATTEMPTS = 5

Progress = Callable[[str], None]


class CreationError(AwsError):
    """The endpoint did not come up."""


def deploy(
    aws: Aws,
    spec: SageMakerEndpoint,
    run: str,
    targets: str,
    tags: dict[str, str],
    journal: Journal,
    progress: Progress,
) -> None:
    """Create what serves the archives below ``targets``, and wait until it does.

    Raises:
        AwsError: AWS refused something. NoRoomError: it refused another endpoint of this kind.
        CreationError: the endpoint failed or took too long. What was created is in the journal and still there.
    """
    client = aws.sagemaker
    progress("create the model")
    journal.enter(Resource("model", run, spec.region))
    with calling(f"create model {run}"):
        client.create_model(**model_request(spec, run, targets, tags))
    progress("create the endpoint")
    journal.enter(Resource("endpoint-config", run, spec.region))
    with calling(f"create endpoint config {run} with {spec.instance_type}"):
        client.create_endpoint_config(**config_request(spec, run, tags))
    journal.enter(Resource("endpoint", run, spec.region))
    _create_endpoint(aws, run, tags, spec.instance_type)
    wait_in_service(aws, run, spec.creation_timeout, progress)


def _create_endpoint(aws: Aws, run: str, tags: dict[str, str], instance_type: str) -> None:
    """Ask again while AWS does not find the config that it has just confirmed."""
    for attempt in range(_SETTLE_ATTEMPTS):
        try:
            with calling(f"create endpoint {run} on {instance_type}"):
                aws.sagemaker.create_endpoint(**endpoint_request(run, tags))
            return
        except AwsError as error:
            if error.code == "ResourceLimitExceeded":
                raise NoRoomError(str(error)) from None
            if not error.missing or attempt == _SETTLE_ATTEMPTS - 1:
                raise
            time.sleep(_SETTLE_SECONDS)


def wait_in_service(aws: Aws, name: str, timeout: float, progress: Progress) -> None:
    """Return when the endpoint is in service.

    Raises:
        CreationError: it failed, for the reason in the message, or is not up after ``timeout`` seconds.
        AwsError: AWS does not say how it is.
    """
    started = time.monotonic()

    def describe() -> dict[str, Any]:
        with calling(f"describe endpoint {name}"):
            found: dict[str, Any] = aws.sagemaker.describe_endpoint(EndpointName=name)
            return found

    while True:
        found = ask_again(describe, timeout)
        status, waited = found["EndpointStatus"], time.monotonic() - started
        if status == "InService":
            return
        if status not in ("Creating", "Updating", "SystemUpdating"):
            reason = found.get("FailureReason") or f"its status is {status}"
            told = aws_error(f"endpoint {name} did not come up", "", reason)
            raise CreationError(str(told), status, reason)
        if waited > timeout:
            raise CreationError(
                f"endpoint {name} did not come up: it is {status} after {human_seconds(waited)}; "
                "raise endpoint.creation_timeout if that is how long it takes",
                status,
                "",
            )
        progress(f"{status}, {human_seconds(waited)}; it takes about ten minutes")
        time.sleep(_POLL_SECONDS)
