"""What SageMaker is asked to create, as the arguments of boto3: pure functions of the spec."""

from typing import Any

from mmebench.endpoints.sagemaker.image import image_uri, inference_ami
from mmebench.endpoints.sagemaker.names import tag_list
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint

VARIANT = "AllTraffic"


def model_request(spec: SageMakerEndpoint, name: str, targets: str, tags: dict[str, str]) -> dict[str, Any]:
    """Arguments of ``create_model``; ``targets`` is the S3 URL, slash at its end, that targets are below."""
    return {
        "ModelName": name,
        "ExecutionRoleArn": spec.role,
        "PrimaryContainer": {
            "Image": image_uri(spec),
            "Mode": "MultiModel",
            "ModelDataUrl": targets,
            "MultiModelConfig": {"ModelCacheSetting": spec.model_cache_setting},
            # SageMaker's start script makes Triton verbose unless told, at a cost for every request.
            "Environment": {"SAGEMAKER_TRITON_LOG_VERBOSE": "false"} | spec.environment,
        },
        "Tags": tag_list(tags),
    }


def config_request(spec: SageMakerEndpoint, name: str, tags: dict[str, str]) -> dict[str, Any]:
    """Arguments of ``create_endpoint_config``; the model has the same name. Data capture stays off."""
    ami = inference_ami(spec)
    variant = {
        "VariantName": VARIANT,
        "ModelName": name,
        "InstanceType": spec.instance_type,
        "InitialInstanceCount": spec.instance_count,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": round(spec.startup_timeout),
        "ModelDataDownloadTimeoutInSeconds": round(spec.download_timeout),
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
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
