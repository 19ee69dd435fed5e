"""Replacement: an update of an endpoint that puts new instances in the place of all, blue by green.

The stages of a deployment are those of ``PendingDeploymentSummary`` in the API reference of DescribeEndpoint.
"""

import time
from typing import Any

from mmebench.endpoints.sagemaker.aws import ask_again, aws_error, calling
from mmebench.endpoints.sagemaker.deployment import CreationError, Deployment
from mmebench.endpoints.sagemaker.requests import config_request, update_request
from mmebench.units import human_seconds

_POLL_SECONDS = 5.0
_BEGUN_SECONDS = 60.0
"""An endpoint may be described for a while as it was before it was asked to change."""
_ON_NEW = frozenset({"ActivatingTraffic", "Baking"})
"""Stages of new instances that get requests."""


def replace_instances(deployment: Deployment, number: int) -> float:
    """Have the run's endpoint served by instances of the same kind that have nothing in memory.

    Args:
        deployment: whose endpoint is in service.
        number: of the replacement, from 1; another one each time.

    Returns:
        Since when requests go to them, by ``time.monotonic``, seen within five seconds.

    Raises:
        AwsError: AWS refused it, or they did not come up; the old ones go on.
    """
    run = deployment.run
    config = f"{run}-{number}"
    of_model = config_request(deployment.spec, run, deployment.tags)
    deployment.create_config(of_model | {"EndpointConfigName": config})
    with calling(f"update endpoint {run}"):
        deployment.aws.sagemaker.update_endpoint(**update_request(run, config))
    return _wait(deployment, config)


def _wait(deployment: Deployment, config: str) -> float:
    run, timeout = deployment.run, deployment.spec.creation_timeout

    def look() -> dict[str, Any]:
        with calling(f"describe endpoint {run}"):
            found: dict[str, Any] = deployment.aws.sagemaker.describe_endpoint(EndpointName=run)
            return found

    started, begun, moved = time.monotonic(), False, None
    while True:
        found, now = ask_again(look, timeout), time.monotonic()
        status = found["EndpointStatus"]
        begun = begun or status != "InService"
        if moved is None and _stages(found) & _ON_NEW:
            moved = now
        if status == "InService" and found["EndpointConfigName"] == config:
            return now if moved is None else moved
        over = status not in ("InService", "Updating", "SystemUpdating", "RollingBack")
        if over or (status == "InService" and (begun or now - started > _BEGUN_SECONDS)):
            reason = found.get("FailureReason") or f"its status is {status}, with its old instances"
            told = aws_error(f"new instances of {run} did not come up", "", reason)
            raise CreationError(str(told), status, reason)
        if now - started > timeout:
            raise CreationError(
                f"new instances of {run} did not come up: it is {status} after {human_seconds(timeout)}; raise "
                "endpoint.creation_timeout if that is how long it takes",
                status,
                "",
            )
        time.sleep(_POLL_SECONDS)


def _stages(found: dict[str, Any]) -> set[str]:
    """Of the instances that are to take over."""
    variants = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", ())
    return {stage["Status"] for variant in variants for stage in variant.get("VariantStatus", ())}
