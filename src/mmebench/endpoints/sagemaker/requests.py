"""What SageMaker is asked to create, as the arguments of boto3: pure functions of the spec."""

from typing import Any

from mmebench.endpoints.sagemaker.image import image_uri, inference_ami
from mmebench.endpoints.sagemaker.names import tag_list
from mmebench.spec.autoscaling import Autoscaling
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint

VARIANT = "AllTraffic"


def model_request(spec: SageMakerEndpoint, name: str, targets: str, tags: dict[str, str]) -> dict[str, Any]:
    """Arguments of ``create_model``; ``targets`` is the S3 URL, slash at its end, that targets are below."""
    cache = {"MultiModelConfig": {"ModelCacheSetting": spec.model_cache_setting}}
    return _model(spec, name, {"Mode": "MultiModel", "ModelDataUrl": targets} | cache, tags)


def single_model_request(spec: SageMakerEndpoint, name: str, archive: str, tags: dict[str, str]) -> dict[str, Any]:
    """Arguments of ``create_model`` for an endpoint of this one; ``archive`` is its S3 URL."""
    return _model(spec, name, {"Mode": "SingleModel", "ModelDataUrl": archive}, tags)


def _model(spec: SageMakerEndpoint, name: str, data: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    return {
        "ModelName": name,
        "ExecutionRoleArn": spec.role,
        "PrimaryContainer": {"Image": image_uri(spec), "Environment": _environment(spec)} | data,
        "Tags": tag_list(tags),
    }


def component_request(
    spec: SageMakerEndpoint, name: str, endpoint: str, archive: str, tags: dict[str, str]
) -> dict[str, Any]:
    """Arguments of ``create_inference_component``: a container of its own over the archive at this S3 URL."""
    assert spec.component is not None
    return {
        "InferenceComponentName": name,
        "EndpointName": endpoint,
        "VariantName": VARIANT,
        "Specification": {
            "Container": {
                "Image": image_uri(spec),
                "ArtifactUrl": archive,
                "Environment": _environment(spec),
            },
            "StartupParameters": {
                "ModelDataDownloadTimeoutInSeconds": round(spec.download_timeout),
                "ContainerStartupHealthCheckTimeoutInSeconds": round(spec.startup_timeout),
            },
            "ComputeResourceRequirements": spec.component.requirements(spec.instance_type),
        },
        "RuntimeConfig": {"CopyCount": spec.component.copies},
        "Tags": tag_list(tags),
    }


def _environment(spec: SageMakerEndpoint) -> dict[str, str]:
    # SageMaker's start script makes Triton verbose unless told, at a cost for every request.
    return {"SAGEMAKER_TRITON_LOG_VERBOSE": "false"} | spec.environment


def config_request(spec: SageMakerEndpoint, name: str, tags: dict[str, str]) -> dict[str, Any]:
    """Arguments of ``create_endpoint_config``; the model has the same name. Data capture stays off."""
    of_model = {
        "ModelName": name,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": round(spec.startup_timeout),
        "ModelDataDownloadTimeoutInSeconds": round(spec.download_timeout),
    }
    return _config(spec, name, of_model, tags)


def components_config_request(spec: SageMakerEndpoint, name: str, tags: dict[str, str]) -> dict[str, Any]:
    """The same for an endpoint of inference components, which has no model and needs the role itself."""
    return _config(spec, name, {}, tags) | {"ExecutionRoleArn": spec.role}


def _config(spec: SageMakerEndpoint, name: str, more: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    ami = inference_ami(spec)
    variant = {
        "VariantName": VARIANT,
        "InstanceType": spec.instance_type,
        "InitialInstanceCount": spec.instance_count,
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        **more,
    } | ({"InferenceAmiVersion": ami} if ami else {})
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [variant],
        # On for new endpoints unless told, and may cost.
        "MetricsConfig": {"EnableDetailedObservability": False},
        "Tags": tag_list(tags),
    }


def endpoint_request(name: str, tags: dict[str, str]) -> dict[str, Any]:
    """Arguments of ``create_endpoint``; its config has the same name."""
    return {"EndpointName": name, "EndpointConfigName": name, "Tags": tag_list(tags)}


def update_request(name: str, config: str) -> dict[str, Any]:
    """Arguments of ``update_endpoint``: as many instances as there are, in the place of all at once."""
    return {"EndpointName": name, "EndpointConfigName": config, "RetainAllVariantProperties": True}


def scalable_target(endpoint: str) -> str:
    """The name by which Application Auto Scaling knows the instances of an endpoint."""
    return f"endpoint/{endpoint}/variant/{VARIANT}"


def scaled(name: str) -> dict[str, str]:
    """What a call of Application Auto Scaling is about, in all of them."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": name,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def scalable_target_request(endpoint: str, scaling: Autoscaling, tags: dict[str, str]) -> dict[str, Any]:
    """Arguments of ``register_scalable_target``."""
    return scaled(scalable_target(endpoint)) | {
        "MinCapacity": scaling.min,
        "MaxCapacity": scaling.max,
        "Tags": tags,
    }


def scaling_policy_request(endpoint: str, scaling: Autoscaling) -> dict[str, Any]:
    """Arguments of ``put_scaling_policy``: target tracking of the requests a minute that an instance gets."""
    return scaled(scalable_target(endpoint)) | {
        "PolicyName": endpoint,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": scaling.invocations_per_instance,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance",
            },
            "ScaleOutCooldown": round(scaling.scale_out_cooldown),
            "ScaleInCooldown": round(scaling.scale_in_cooldown),
        },
    }
