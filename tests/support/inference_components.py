"""Inference components, which moto's SageMaker lacks: their calls, on its server and among its state.

What autoscaling leaves when it ends is as on AWS, too.

Each request is held against the model of the API first. Instances have room for so much as :data:`INSTANCES` says.
How AWS words that there is none is not known; the words here are ours.
"""

import json
import time
from typing import Any, NamedTuple

import pytest
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from support.api_limits import breaches

NO_ROOM = "Insufficient hardware resources on the instances of the endpoint"


class Instance(NamedTuple):
    memory: int
    """MiB that components may reserve."""
    gpus: int


INSTANCES = {"ml.g5.xlarge": Instance(12_000, 1), "ml.g5.12xlarge": Instance(150_000, 4)}


def play(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have moto's server, in this process, answer their calls until that is undone."""
    for name in ("create", "describe", "delete"):
        call = f"{name}_inference_component"
        monkeypatch.setattr(SageMakerResponse, call, globals()[f"_{name}"], raising=False)
    monkeypatch.setattr(SageMakerResponse, "list_inference_components", _list, raising=False)
    original = SageMakerModelBackend.delete_endpoint

    def delete_endpoint(backend: Any, endpoint_name: str) -> None:
        if any(each["EndpointName"] == endpoint_name for each in components_of(backend).values()):
            raise ValidationError(f"Cannot delete endpoint {endpoint_name}: it has inference components")
        original(backend, endpoint_name)

    monkeypatch.setattr(SageMakerModelBackend, "delete_endpoint", delete_endpoint)
    validate = SageMakerModelBackend.validate_production_variants

    def validate_production_variants(backend: Any, production_variants: list[dict[str, Any]]) -> None:
        validate(backend, [each for each in production_variants if "ModelName" in each])

    monkeypatch.setattr(SageMakerModelBackend, "validate_production_variants", validate_production_variants)
    create_config = SageMakerResponse.create_endpoint_config

    def create_endpoint_config(self: Any) -> ActionResult:
        asked = json.loads(self.body)
        without_model = any("ModelName" not in each for each in asked["ProductionVariants"])
        if without_model and "ExecutionRoleArn" not in asked:
            raise ValidationError("ExecutionRoleArn is required for endpoints of inference components")
        return create_config(self)

    monkeypatch.setattr(SageMakerResponse, "create_endpoint_config", create_endpoint_config)
    deregister = ApplicationAutoscalingBackend.deregister_scalable_target

    def deregister_scalable_target(backend: Any, namespace: str, r_id: str, dimension: str) -> None:
        deregister(backend, namespace, r_id, dimension)  # on AWS its policies go with it
        for key in [key for key, policy in backend.policies.items() if policy.resource_id == r_id]:
            del backend.policies[key]

    monkeypatch.setattr(ApplicationAutoscalingBackend, "deregister_scalable_target", deregister_scalable_target)


def components_of(backend: Any) -> dict[str, dict[str, Any]]:
    """By name; among the state of moto's backend, so that it is reset and restored with it."""
    found: dict[str, dict[str, Any]] = vars(backend).setdefault("inference_components", {})
    return found


def _request(self: Any, operation: str) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(self.body)
    if found := breaches("sagemaker", operation, asked):
        raise ValidationError("; ".join(found))
    return asked


def _create(self: Any) -> ActionResult:
    asked = _request(self, "CreateInferenceComponent")
    backend, name = self.sagemaker_backend, asked["InferenceComponentName"]
    known = components_of(backend)
    if name in known:
        raise ValidationError(f"Cannot create already existing inference component {name}")
    endpoint = backend.describe_endpoint(asked["EndpointName"])
    config = backend.describe_endpoint_config(endpoint["EndpointConfigName"])
    (variant,) = config["ProductionVariants"]
    if "ModelName" in variant:
        raise ValidationError("the endpoint is not of inference components")
    on_it = [each for each in known.values() if each["EndpointName"] == asked["EndpointName"]]
    room = _has_room([*on_it, asked], INSTANCES[variant["InstanceType"]], variant["InitialInstanceCount"])
    known[name] = asked | {
        "InferenceComponentArn": f"arn:aws:sagemaker:us-east-1:{backend.account_id}:inference-component/{name}",
        "EndpointArn": endpoint["EndpointArn"],
        "CreationTime": time.time(),
        "LastModifiedTime": time.time(),
        "InferenceComponentStatus": "InService" if room else "Failed",
        **({} if room else {"FailureReason": NO_ROOM}),
    }
    return ActionResult({"InferenceComponentArn": known[name]["InferenceComponentArn"]})


def _has_room(components: list[dict[str, Any]], instance: Instance, count: int) -> bool:
    there = [each for each in components if each.get("InferenceComponentStatus") != "Failed"]
    wanted = [
        (each["Specification"]["ComputeResourceRequirements"], each["RuntimeConfig"]["CopyCount"])
        for each in there
    ]
    memory = sum(needs["MinMemoryRequiredInMb"] * copies for needs, copies in wanted)
    gpus = sum(needs.get("NumberOfAcceleratorDevicesRequired", 0) * copies for needs, copies in wanted)
    return bool(memory <= instance.memory * count and gpus <= instance.gpus * count)


def _named(self: Any, operation: str) -> dict[str, Any]:
    name = _request(self, operation)["InferenceComponentName"]
    known = components_of(self.sagemaker_backend)
    if name not in known:
        raise ValidationError(f'Could not find inference component "{name}".')
    return known[name]


def _describe(self: Any) -> ActionResult:
    found = _named(self, "DescribeInferenceComponent")
    told = {key: value for key, value in found.items() if key not in ("Tags", "Specification")}
    container = found["Specification"]["Container"]
    deployed = {"ArtifactUrl": container["ArtifactUrl"], "DeployedImage": {"SpecifiedImage": container["Image"]}}
    return ActionResult(told | {"Specification": found["Specification"] | {"Container": deployed}})


def _delete(self: Any) -> ActionResult:
    found = _named(self, "DeleteInferenceComponent")
    del components_of(self.sagemaker_backend)[found["InferenceComponentName"]]
    return EmptyResult()


def _list(self: Any) -> ActionResult:
    asked = _request(self, "ListInferenceComponents")
    found = components_of(self.sagemaker_backend).values()
    keys = ("InferenceComponentArn", "InferenceComponentName", "EndpointArn", "EndpointName", "VariantName")
    items = [
        {key: each[key] for key in (*keys, "CreationTime", "LastModifiedTime", "InferenceComponentStatus")}
        for each in found
        if asked.get("EndpointNameEquals") in (None, each["EndpointName"])
    ]
    return ActionResult({"InferenceComponents": items})
