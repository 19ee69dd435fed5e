"""A SageMaker endpoint's whole life: control plane and S3 are moto's, invocations a real local endpoint's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mmebench.endpoints.endpoint import CleanUpError, MemoryUse
from mmebench.endpoints.opener import open_endpoint
from mmebench.endpoints.sagemaker import journal
from mmebench.endpoints.sagemaker.endpoint import SageMakerEndpoint
from mmebench.errors import BadInputError, MmebenchError
from mmebench.spec import SageMakerEndpoint as Spec
from mmebench.uptime import uptime
from mmebench.wire.runtime import RuntimeClient
from support import cloud
from support.contract_server import offset_archive

SPEC = Spec.model_validate(cloud.ENDPOINT)


@pytest.mark.slow
def test_it_comes_up_serves_and_goes(account: str, runtime: str, tmp_path: Path) -> None:
    told: list[str] = []
    archive = offset_archive(tmp_path / "a.tar.gz", 4)
    with open_endpoint(SPEC, tmp_path, tmp_path / "endpoint.log", told.append) as endpoint:
        assert endpoint.url == runtime
        assert (endpoint.instance_type, endpoint.container) == ("ml.g5.xlarge", "sagemaker-tritonserver:25.09-py3")
        endpoint.add_targets(archive, ["m-v0.tar.gz", "m-v1.tar.gz"])
        client = RuntimeClient(endpoint)
        for target in ("m-v0.tar.gz", "m-v1.tar.gz"):
            assert client.invoke(target, b"[1, 2]", "application/json")[0] == b"[7.0, 10.0]"
        client.close()
        assert endpoint.residency() == MemoryUse()
        assert endpoint.measure() == MemoryUse(), "this container runs no server_metrics"
        kinds = [resource.kind for resource in next(iter_live()).resources]
        assert kinds == ["objects", "model", "endpoint-config", "endpoint"]
        uploads = [name for name in cloud.everything(account) if "/archives/" in name]
        assert len(uploads) == 2, "server_metrics and the model, once"
        endpoint.remove_targets(["m-v1.tar.gz", "nothing.tar.gz"])
        assert not any("m-v1" in name for name in cloud.everything(account))
    assert cloud.everything(account) == []
    assert not list(journal.directory().iterdir())
    assert told == ["upload", "create the model", "create the endpoint", "in service"]
    assert "in service" in (tmp_path / "endpoint.log").read_text()


def iter_live() -> Iterator[journal.Journal]:
    """The journals of runs under way, read without their lock."""
    for path in journal.directory().glob("*.jsonl"):
        with path.open(encoding="utf-8") as file:
            yield journal.read(path, file)


def test_what_is_created_is_what_was_asked_for(account: str, tmp_path: Path) -> None:
    spec = SPEC.model_copy(
        update={
            "instance_count": 2,
            "model_cache_setting": "Disabled",
            "startup_timeout": 900.0,
            "environment": {"OMP_NUM_THREADS": "2"},
        }
    )
    sagemaker, s3 = cloud.client("sagemaker", account), cloud.client("s3", account)
    with open_endpoint(spec, tmp_path, tmp_path / "log") as endpoint:
        model = sagemaker.describe_model(ModelName=endpoint.name)
        container = model["PrimaryContainer"]
        assert model["ExecutionRoleArn"] == cloud.ROLE
        assert (
            container["Image"] == "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:25.09-py3"
        )
        assert container["Mode"] == "MultiModel"
        assert container["MultiModelConfig"] == {"ModelCacheSetting": "Disabled"}
        assert container["ModelDataUrl"] == f"s3://{cloud.BUCKET}/mmebench/{endpoint.name}/targets/"
        assert container["Environment"] == {"SAGEMAKER_TRITON_LOG_VERBOSE": "false", "OMP_NUM_THREADS": "2"}
        config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint.name)
        (variant,) = config["ProductionVariants"]
        assert not config.get("DataCaptureConfig")
        assert variant["InferenceAmiVersion"] == "al2023-ami-sagemaker-inference-gpu-4-1"
        assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.g5.xlarge", 2)
        assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 900
        assert variant["ModelDataDownloadTimeoutInSeconds"] == 600
        assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
        arn = sagemaker.describe_endpoint(EndpointName=endpoint.name)["EndpointArn"]
        tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
        assert tags["tool"] == "mmebench"
        assert tags["mmebench:run"] == endpoint.name
        (key,) = [
            item["Key"]
            for item in s3.list_objects_v2(Bucket=cloud.BUCKET)["Contents"]
            if "targets/" in item["Key"]
        ]
        assert key == f"mmebench/{endpoint.name}/targets/server_metrics.tar.gz"
        head = s3.head_object(Bucket=cloud.BUCKET, Key=key)
        assert head["ServerSideEncryption"] == "AES256"
        on_object = {
            tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=cloud.BUCKET, Key=key)["TagSet"]
        }
        assert on_object == tags


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bucket": "nobody-has-this"}, r"nobody-has-this.*there is no such bucket"),
        ({"triton": "25.10"}, r"endpoint\.triton: got 25\.10; known versions"),
        ({"region": "us-gov-west-1"}, r"25\.09 is not listed for us-gov-west-1"),
    ],
)
def test_bad_input_creates_nothing(account: str, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        open_endpoint(SPEC.model_copy(update=change), tmp_path, tmp_path / "log")
    assert cloud.everything(account) == []
    assert not journal.directory().exists() or not list(journal.directory().iterdir())


def test_a_bucket_of_another_region(account: str, tmp_path: Path) -> None:
    cloud.client("s3", account).create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    with pytest.raises(BadInputError, match=r"far-away is in eu-west-1, endpoint\.region is us-east-1"):
        open_endpoint(SPEC.model_copy(update={"bucket": "far-away"}), tmp_path, tmp_path / "log")


def test_a_lifetime_that_is_over_ends_the_run(
    account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_endpoint(SPEC, tmp_path, tmp_path / "log") as endpoint:
        endpoint.residency()
        monkeypatch.setattr("mmebench.endpoints.sagemaker.endpoint.uptime", lambda: uptime() + 7300)
        with pytest.raises(MmebenchError, match=r"has lived for .*, as long as endpoint\.lifetime allows"):
            endpoint.residency()
    assert cloud.everything(account) == []


def test_what_cannot_be_deleted_is_said_and_kept_in_the_journal(
    account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = open_endpoint(SPEC, tmp_path, tmp_path / "log")

    def denied(**_: str) -> None:
        raise ClientError(
            {"Error": {"Code": "AccessDeniedException", "Message": f"not allowed on {cloud.ROLE}"}}, "DeleteModel"
        )

    assert isinstance(endpoint, SageMakerEndpoint)
    monkeypatch.setattr(endpoint._deployment.aws.sagemaker, "delete_model", denied)
    with pytest.raises(CleanUpError, match=r"run mmebench clean\n.*model mmebench-.*may not do this") as caught:
        endpoint.close()
    assert caught.value.exit_code == 4
    assert cloud.ACCOUNT not in str(caught.value)
    assert cloud.everything(account) == [f"model {endpoint.name}"], "all else is gone"
    (left,) = journal.left_behind()
    assert left.path.stem == endpoint.name
    endpoint.close()  # a second time changes nothing
