"""Deployment: what is created for a run, each in the journal before it exists; then the wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmebench.endpoints.endpoint import NoRoomError
from mmebench.endpoints.sagemaker.aws import Aws, AwsError, ask_again, aws_error, calling
from mmebench.endpoints.sagemaker.journal import Journal
from mmebench.endpoints.sagemaker.names import Kind, Resource
from mmebench.endpoints.sagemaker.requests import endpoint_request
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint
from mmebench.units import human_seconds

_POLL_SECONDS = 15.0
_SETTLE_SECONDS = 3.0
_SETTLE_ATTEMPTS = 5

Progress = Callable[[str], None]


class CreationError(AwsError):
    """The endpoint, or a component on it, did not come up."""


@dataclass(frozen=True)
class Deployment:
    """What resources of a run are created with; each is in its journal before it exists."""

    aws: Aws
    spec: SageMakerEndpoint
    run: str
    tags: dict[str, str]
    journal: Journal
    progress: Progress

    def create_model(self, request: dict[str, Any]) -> None:
        """Raises AwsError: AWS refused it."""
        name = request["ModelName"]
        self._enter("model", name)
        with calling(f"create model {name}"):
            self.aws.sagemaker.create_model(**request)

    def create_config(self, request: dict[str, Any]) -> None:
        """Of an endpoint. Raises AwsError: AWS refused it."""
        name = request["EndpointConfigName"]
        self._enter("endpoint-config", name)
        with calling(f"create endpoint config {name} with {self.spec.instance_type}"):
            self.aws.sagemaker.create_endpoint_config(**request)

    def create_component(self, request: dict[str, Any]) -> None:
        """An inference component, which comes up by itself from here on. Raises AwsError: AWS refused it."""
        name = request["InferenceComponentName"]
        self._enter("inference-component", name)
        with calling(f"create inference component {name}"):
            self.aws.sagemaker.create_inference_component(**request)

    def create_endpoint(self, name: str) -> None:
        """From the config of that name; it comes up by itself from here on.

        Raises:
            AwsError: AWS refused it. NoRoomError: it refused another endpoint of this kind.
        """
        self._enter("endpoint", name)
        for attempt in range(_SETTLE_ATTEMPTS):
            try:
                with calling(f"create endpoint {name} on {self.spec.instance_type}"):
                    self.aws.sagemaker.create_endpoint(**endpoint_request(name, self.tags))
                return
            except AwsError as error:
                if error.code == "ResourceLimitExceeded":
                    raise NoRoomError(str(error)) from None
                # AWS does not find the config that it has just confirmed.
                if not error.missing or attempt == _SETTLE_ATTEMPTS - 1:
                    raise
                time.sleep(_SETTLE_SECONDS)

    def wait_for_endpoint(self, name: str) -> None:
        """Return when it is in service.

        Raises:
            CreationError: it failed, for the reason in the message, or takes too long. AwsError: AWS does not say
                how it is.
        """
        self._wait(
            f"endpoint {name}",
            lambda: self.aws.sagemaker.describe_endpoint(EndpointName=name),
            "EndpointStatus",
            "it takes about ten minutes",
        )

    def wait_for_component(self, name: str) -> None:
        """The same of an inference component."""
        self._wait(
            f"inference component {name}",
            lambda: self.aws.sagemaker.describe_inference_component(InferenceComponentName=name),
            "InferenceComponentStatus",
            "it takes some minutes",
        )

    def _wait(self, what: str, describe: Callable[[], dict[str, Any]], key: str, usually: str) -> None:
        started = time.monotonic()
        timeout = self.spec.creation_timeout

        def look() -> dict[str, Any]:
            with calling(f"describe {what}"):
                return describe()

        while True:
            found = ask_again(look, timeout)
            status, waited = found[key], time.monotonic() - started
            if status == "InService":
                return
            if status not in ("Creating", "Updating", "SystemUpdating"):
                reason = found.get("FailureReason") or f"its status is {status}"
                told = aws_error(f"{what} did not come up", "", reason)
                raise CreationError(str(told), status, reason)
            if waited > timeout:
                raise CreationError(
                    f"{what} did not come up: it is {status} after {human_seconds(waited)}; "
                    "raise endpoint.creation_timeout if that is how long it takes",
                    status,
                    "",
                )
            self.progress(f"{status}, {human_seconds(waited)}; {usually}")
            time.sleep(_POLL_SECONDS)

    def _enter(self, kind: Kind, name: str) -> None:
        self.journal.enter(Resource(kind, name, self.spec.region))
