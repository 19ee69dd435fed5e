"""UpdateEndpoint, which moto's SageMaker lacks: new instances take the place of the old ones after some seconds.

Each request is held against the model of the API first.
"""

import json
import time
from typing import Any

import pytest
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from support.api_limits import breaches

MOVED, OVER = 1.0, 2.0
"""Seconds until requests go to new instances, and until the old ones are gone."""
BROKEN = "-2"
"""New instances of a config whose name ends so do not come up."""


def play(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have moto's server, in this process, answer it until that is undone."""
    monkeypatch.setattr(SageMakerResponse, "update_endpoint", _update, raising=False)
    describe, delete = SageMakerModelBackend.describe_endpoint, SageMakerModelBackend.delete_endpoint

    def describe_endpoint(backend: Any, endpoint_name: str) -> dict[str, Any]:
        found = describe(backend, endpoint_name)
        return found | _state_of(backend, endpoint_name)

    def delete_endpoint(backend: Any, endpoint_name: str) -> None:
        if _state_of(backend, endpoint_name).get("EndpointStatus") == "Updating":
            raise ValidationError(f"Cannot delete endpoint {endpoint_name}: it is being updated")
        delete(backend, endpoint_name)
        _updates(backend).pop(endpoint_name, None)

    monkeypatch.setattr(SageMakerModelBackend, "describe_endpoint", describe_endpoint)
    monkeypatch.setattr(SageMakerModelBackend, "delete_endpoint", delete_endpoint)


def _updates(backend: Any) -> dict[str, tuple[str, float]]:
    """By endpoint: its new config, and when it was asked for; among the state of moto's backend, as all others."""
    found: dict[str, tuple[str, float]] = vars(backend).setdefault("endpoint_updates", {})
    return found


def _state_of(backend: Any, endpoint: str) -> dict[str, Any]:
    """What is told of an endpoint beside what moto does, as far as it was updated."""
    if endpoint not in _updates(backend):
        return {}
    config, asked = _updates(backend)[endpoint]
    since, broken = time.time() - asked, config.endswith(BROKEN)
    if since > OVER:
        why = "CannotStartContainerError. Please ensure the model container starts correctly."
        if broken:
            return {"FailureReason": why}
        backend.endpoints[endpoint].endpoint_config_name = config
        return {"EndpointConfigName": config}
    stage = "ActivatingTraffic" if since > MOVED and not broken else "Creating"
    variant = {"VariantName": "AllTraffic", "VariantStatus": [{"Status": stage}]}
    pending = {"EndpointConfigName": config, "ProductionVariants": [variant], "StartTime": asked}
    return {"EndpointStatus": "Updating", "PendingDeploymentSummary": pending}


def _update(self: Any) -> ActionResult:
    asked = json.loads(self.body)
    if found := breaches("sagemaker", "UpdateEndpoint", asked):
        raise ValidationError("; ".join(found))
    backend, name, config = self.sagemaker_backend, asked["EndpointName"], asked["EndpointConfigName"]
    endpoint = backend.describe_endpoint(name)
    backend.describe_endpoint_config(config)
    if endpoint["EndpointStatus"] != "InService":
        raise ValidationError(f"Cannot update in-progress endpoint {name}")
    if endpoint["EndpointConfigName"] == config:
        raise ValidationError(f"Cannot update endpoint {name} to the endpoint config that it has")
    _updates(backend)[name] = (config, time.time())
    return ActionResult({"EndpointArn": endpoint["EndpointArn"]})
