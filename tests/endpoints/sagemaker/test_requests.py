"""Every request against the limits of SageMaker's API, which neither botocore nor moto checks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mmebench.endpoints.sagemaker.build_job import processing_request, training_request
from mmebench.endpoints.sagemaker.image import image_uri
from mmebench.endpoints.sagemaker.names import component_prefix, run_name, tags
from mmebench.endpoints.sagemaker.owner import this_process
from mmebench.endpoints.sagemaker.requests import (
    component_request,
    components_config_request,
    config_request,
    endpoint_request,
    model_request,
    scalable_target_request,
    scaling_policy_request,
    single_model_request,
    update_request,
)
from mmebench.spec import SageMakerEndpoint as Spec
from mmebench.spec.autoscaling import Autoscaling
from mmebench.wire.target_names import component_of
from support import cloud
from support.api_limits import breaches

RUN = run_name(datetime.now(UTC))
TAGS = tags(RUN, this_process())
URL = f"s3://{cloud.BUCKET}/{'long/' * 30}mmebench/{RUN}/"


def spec(**change: Any) -> Spec:
    basic = {
        "kind": "sagemaker",
        "instance_type": "ml.g5.xlarge",
        "role": cloud.ROLE,
        "region": "us-east-1",
        "bucket": cloud.BUCKET,
    }
    return Spec.model_validate(basic | change)


@pytest.mark.parametrize(
    "one",
    [
        spec(),
        spec(instance_type="ml.g6e.48xlarge", region="cn-north-1", image="x.dkr/y:1"),
        spec(triton="23.10", startup_timeout="1h", download_timeout="60s", model_cache_setting="Disabled"),
        spec(triton="24.05", kms_key="arn:aws:kms:us-east-1:123456789012:key/x", instance_count=100),
    ],
)
def test_requests_keep_to_the_limits_of_the_api(one: Spec) -> None:
    for operation, request in (
        ("CreateModel", model_request(one, RUN, f"{URL}targets/", TAGS)),
        ("CreateEndpointConfig", config_request(one, RUN, TAGS)),
        ("CreateEndpoint", endpoint_request(RUN, TAGS)),
        ("UpdateEndpoint", update_request(RUN, f"{RUN}-1")),
        ("CreateModel", single_model_request(one, RUN, f"{URL}targets/a.tar.gz", TAGS)),
        ("CreateEndpointConfig", components_config_request(one, RUN, TAGS)),
        ("CreateTrainingJob", training_request(one, image_uri(one), RUN, URL, TAGS)),
        ("CreateProcessingJob", processing_request(one, image_uri(one), RUN, URL, TAGS)),
    ):
        assert breaches("sagemaker", operation, request) == []


def test_what_components_and_autoscaling_ask_for_keeps_to_them() -> None:
    one = spec(hosting="components", component={"memory_per_copy": "2GiB", "cores": 0.5, "copies": 2})
    name = component_of(f"{'a' * 60}.tar.gz", component_prefix(RUN))
    request = component_request(one, name, RUN, f"{URL}targets/a.tar.gz", TAGS)
    assert breaches("sagemaker", "CreateInferenceComponent", request) == []
    scaling = Autoscaling(min=1, max=4, invocations_per_instance=70)
    for operation, asked in (
        ("RegisterScalableTarget", scalable_target_request(RUN, scaling, TAGS)),
        ("PutScalingPolicy", scaling_policy_request(RUN, scaling)),
    ):
        assert breaches("application-autoscaling", operation, asked) == []


def test_the_limits_are_checked() -> None:
    request = training_request(spec(), image_uri(spec()), RUN, URL, TAGS)
    request["AlgorithmSpecification"]["ContainerArguments"] = ["x" * 257]
    request["TrainingJobName"] = "no_underscores"
    request["ResourceConfig"]["InstanceType"] = "ml.nothing"
    assert len(breaches("sagemaker", "CreateTrainingJob", request)) == 3
