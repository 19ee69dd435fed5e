"""Every request against the limits of SageMaker's API, which neither botocore nor moto checks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mmebench.endpoints.sagemaker.build_job import processing_request, training_request
from mmebench.endpoints.sagemaker.image import image_uri
from mmebench.endpoints.sagemaker.names import run_name, tags
from mmebench.endpoints.sagemaker.owner import this_process
from mmebench.endpoints.sagemaker.requests import config_request, endpoint_request, model_request
from mmebench.spec import SageMakerEndpoint as Spec
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
        ("CreateTrainingJob", training_request(one, image_uri(one), RUN, URL, TAGS)),
        ("CreateProcessingJob", processing_request(one, image_uri(one), RUN, URL, TAGS)),
    ):
        assert breaches("sagemaker", operation, request) == []


def test_the_limits_are_checked() -> None:
    request = training_request(spec(), image_uri(spec()), RUN, URL, TAGS)
    request["AlgorithmSpecification"]["ContainerArguments"] = ["x" * 257]
    request["TrainingJobName"] = "no_underscores"
    request["ResourceConfig"]["InstanceType"] = "ml.nothing"
    assert len(breaches("sagemaker", "CreateTrainingJob", request)) == 3
