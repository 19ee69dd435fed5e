"""The SageMaker Runtime client for what surrounds a measured load: filling the endpoint, reading its metrics."""

import os
import time
from typing import Any, Protocol

from mmebench.aws_settings import (
    aws_settings_errors,
    find_credentials,
    in_words,
    open_session,
    read_services_once,
    sign_in_advice,
)
from mmebench.errors import MmebenchError
from mmebench.spec.hosting import Hosting
from mmebench.wire.out_of_memory import tells_client_out_of_memory
from mmebench.wire.target_names import component_of

_LOAD_LIMIT_SECONDS = 360.0
"""SageMaker goes on loading a model for this long after it has answered ModelNotReadyException."""


_LIMITS: dict[str, Any] = {"retries": {"total_max_attempts": 1}, "connect_timeout": 10, "read_timeout": 70}


class Runtime(Protocol):
    """Where the SageMaker Runtime API is, and how the endpoint is called there."""

    name: str
    url: str
    region: str
    hosting: Hosting
    prefix: str


class InvocationError(MmebenchError):
    """The endpoint refused an invocation; ``code`` is the name AWS gives the error, ``status`` its HTTP status."""

    def __init__(self, message: str, code: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status

    @property
    def memory_exhausted(self) -> bool:
        """Whether the container had no memory left for the target, by its status 507 or by its words."""
        return self.status == 507 or tells_client_out_of_memory(str(self))


class RuntimeClient:
    """Plain boto3 with retries off, so that one call is one request."""

    def __init__(self, endpoint: Runtime, profile: str | None = None) -> None:
        """For ``endpoint``; one on this machine takes no notice of what is set up for AWS.

        Args:
            endpoint: where.
            profile: whose credentials are used; those of AWS_PROFILE unless told.

        Raises:
            BadInputError: what is set up for AWS cannot be used.
        """
        local = endpoint.url.startswith("http://127.0.0.1:")
        self._endpoint = endpoint
        self._client: Any = _local_client(endpoint) if local else _aws_client(endpoint, profile)

    def invoke(self, target: str, content: bytes, content_type: str) -> tuple[bytes, str]:
        """The answer of ``target`` and its content type; waits for the target to be loaded, as long as that takes.

        Raises:
            InvocationError: the endpoint answered with an error, or not at all.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        deadline = time.monotonic() + _LOAD_LIMIT_SECONDS
        while True:
            try:
                answer = self._client.invoke_endpoint(
                    **self._naming(target), ContentType=content_type, Body=content
                )
                return answer["Body"].read(), answer["ContentType"]
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ModelNotReadyException" and time.monotonic() < deadline:
                    time.sleep(1)
                    continue
                status = (
                    error.response.get("OriginalStatusCode")
                    or error.response["ResponseMetadata"]["HTTPStatusCode"]
                )
                raise InvocationError(
                    f"{target}: {code}: {error.response['Error']['Message']}", code, status
                ) from None
            except BotoCoreError as error:
                said = in_words(error) if sign_in_advice(error) else str(error)
                raise InvocationError(f"{target}: no answer: {said}", type(error).__name__, 0) from None

    def _naming(self, target: str) -> dict[str, str]:
        """How a call says which model it is for."""
        match self._endpoint.hosting:
            case "multi-model":
                return {"EndpointName": self._endpoint.name, "TargetModel": target}
            case "components":
                return {"EndpointName": self._endpoint.name, "InferenceComponentName": self._component(target)}
            case "single":
                return {"EndpointName": self._component(target)}

    def _component(self, target: str) -> str:
        return component_of(target, self._endpoint.prefix)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _aws_client(endpoint: Runtime, profile: str | None) -> Any:
    from botocore.config import Config

    # A session of its own: one that is shared is not for several threads.
    session = open_session(profile)
    find_credentials(session)
    with aws_settings_errors(profile):
        return session.create_client(
            "sagemaker-runtime",
            endpoint_url=endpoint.url,
            region_name=endpoint.region,
            config=Config(**_LIMITS),
        )


def _local_client(endpoint: Runtime) -> Any:
    """No proxy leads to this machine, and neither profile nor configuration files matter."""
    import botocore.session
    from botocore.config import Config

    no_file = (None, None, os.devnull, None)
    session = botocore.session.Session(
        {"profile": (None, None, None, None), "config_file": no_file, "credentials_file": no_file}
    )
    read_services_once(session)
    return session.create_client(
        "sagemaker-runtime",
        endpoint_url=endpoint.url,
        region_name=endpoint.region,
        config=Config(**_LIMITS, proxies={}),
        aws_access_key_id="LOCAL",
        aws_secret_access_key="local-endpoint",
    )
