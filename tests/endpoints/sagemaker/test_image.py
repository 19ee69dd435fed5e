"""Which image and which host, by region and version."""

from typing import Any

import pytest

from mmebench.endpoints.sagemaker.image import image_uri, inference_ami
from mmebench.endpoints.sagemaker.requests import config_request
from mmebench.errors import BadInputError
from mmebench.spec import SageMakerEndpoint as Spec
from support import cloud

OLD, MIDDLE, NEW = (
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2023-ami-sagemaker-inference-gpu-4-1",
)


def spec(**change: Any) -> Spec:
    basic = cloud.ENDPOINT
    return Spec.model_validate(basic | change)


@pytest.mark.parametrize(
    ("region", "version", "uri"),
    [
        ("us-east-1", "25.09", "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:25.09-py3"),
        ("us-east-2", "23.10", "007439368137.dkr.ecr.us-east-2.amazonaws.com/sagemaker-tritonserver:23.10-py3"),
        ("us-east-2", "23.12", "763104351884.dkr.ecr.us-east-2.amazonaws.com/sagemaker-tritonserver:23.12-py3"),
        ("eu-south-1", "25.04", "692866216735.dkr.ecr.eu-south-1.amazonaws.com/sagemaker-tritonserver:25.04-py3"),
        (
            "cn-north-1",
            "25.04",
            "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-tritonserver:25.04-py3",
        ),
    ],
)
def test_the_account_depends_on_region_and_version(region: str, version: str, uri: str) -> None:
    assert image_uri(spec(region=region, triton=version)) == uri


@pytest.mark.parametrize(
    ("region", "version"),
    [("us-gov-west-1", "25.09"), ("ap-south-2", "24.09"), ("cn-north-1", "25.09"), ("il-central-1", "23.10")],
)
def test_what_is_not_listed_is_refused(region: str, version: str) -> None:
    with pytest.raises(BadInputError, match="is not listed for"):
        image_uri(spec(region=region, triton=version))


def test_an_image_of_ones_own() -> None:
    own = spec(image="210987654321.dkr.ecr.us-east-1.amazonaws.com/mine:1")
    assert image_uri(own).endswith("/mine:1")
    assert inference_ami(own) is None


@pytest.mark.parametrize(
    ("version", "ami"),
    [("22.07", OLD), ("23.10", OLD), ("23.12", MIDDLE), ("24.05", MIDDLE), ("24.09", NEW), ("25.09", NEW)],
)
def test_the_host_has_a_driver_for_the_images_cuda(version: str, ami: str) -> None:
    assert inference_ami(spec(triton=version)) == ami
    assert config_request(spec(triton=version), "n", {})["ProductionVariants"][0]["InferenceAmiVersion"] == ami


def test_the_host_may_be_given_and_is_left_alone_where_it_cannot_be_chosen() -> None:
    assert inference_ami(spec(ami=OLD)) == OLD
    assert inference_ami(spec(instance_type="ml.p3.2xlarge", triton="24.09")) is None
    assert (
        "InferenceAmiVersion"
        not in config_request(spec(instance_type="ml.p3.2xlarge"), "n", {})["ProductionVariants"][0]
    )


def test_what_may_cost_and_nobody_asked_for_is_off() -> None:
    request = config_request(spec(), "n", {})
    assert request["MetricsConfig"] == {"EnableDetailedObservability": False}
    assert "DataCaptureConfig" not in request
