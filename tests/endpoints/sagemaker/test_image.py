"""Which image and which host, by region and version."""

import re
from typing import Any

import pytest

from mmebench.benchmark.preflight import refuse_early
from mmebench.endpoints.sagemaker.image import image_uri, inference_ami
from mmebench.endpoints.sagemaker.requests import config_request
from mmebench.errors import BadInputError
from mmebench.spec import SageMakerEndpoint as Spec
from mmebench.spec import Spec as Benchmark
from support import cloud
from support.platforms import served_as

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


def test_a_newer_version_than_is_known_is_taken_and_said() -> None:
    newer = spec(triton="26.09")
    assert image_uri(newer).endswith("sagemaker-tritonserver:26.09-py3")
    assert inference_ami(newer) == NEW
    (remark,) = newer.remarks
    assert remark.startswith(
        "endpoint.triton: 26.09 is newer than 26.05, the newest that is known here; it is taken"
    )
    assert spec(triton="26.05").remarks == spec(image="mine:1").remarks == ()
    with pytest.raises(
        BadInputError, match=r"got 26\.01; known versions of SageMaker's image are 21\.08, .*26\.05; for"
    ):
        image_uri(spec(triton="26.01"))


@pytest.mark.parametrize(
    ("asked", "batch", "said"),
    [
        ({"triton": "25.09"}, 1, r"got 25\.09; take 26\.03 or later: Triton serves pt2 from then on"),
        (
            {"triton": "26.05"},
            8,
            r"got 26\.05, which serves pt2 row by row; set max_batch_size: 1, or take 26\.06 or",
        ),
        ({"triton": "26.05"}, 1, None),
        ({"triton": "26.06"}, 8, None),
        ({"image": "mine:1"}, 8, None),
    ],
)
def test_which_image_serves_what_is_compiled_ahead_of_time(
    asked: dict[str, str], batch: int, said: str | None
) -> None:
    refused = spec(**asked).cannot_serve(served_as("pt2"), batch)
    assert refused is None if said is None else re.search(said, refused or "")
    assert spec(**asked).cannot_serve(served_as("pt"), batch) is None


def test_a_spec_is_refused_before_anything_is_compiled() -> None:
    asked = {"model": {"source": "timm", "name": "resnet18"}, "platforms": ["pt2"], "endpoint": cloud.ENDPOINT}
    with pytest.raises(BadInputError, match=r"got 25\.09; take 26\.03 or later"):
        refuse_early(Benchmark.model_validate(asked))
    asked["endpoint"] = cloud.ENDPOINT | {"triton": "26.06"}
    with pytest.raises(
        BadInputError, match=r"compiler_image: got none; .* push nvcr\.io/nvidia/pytorch:26\.06-py3"
    ):
        refuse_early(Benchmark.model_validate(asked))
    asked["endpoint"] = cloud.ENDPOINT | {"image": "mine:1"}
    with pytest.raises(BadInputError, match=r"of endpoint\.image, or an older one; push NVIDIA's of the same rel"):
        refuse_early(Benchmark.model_validate(asked))
    asked["endpoint"] = cloud.ENDPOINT | {"triton": "26.06", "engine_builder": "local"}
    with pytest.raises(
        BadInputError, match=r"compiled for the GPU that serves it, and this machine has none; let a job"
    ):
        refuse_early(Benchmark.model_validate(asked))
    asked["endpoint"] = cloud.ENDPOINT | {"triton": "26.06", "compiler_image": "mine:1"}
    refuse_early(Benchmark.model_validate(asked))
    refuse_early(Benchmark.model_validate(asked | {"platforms": [{"kind": "pt2", "device": "cpu"}]}))


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
