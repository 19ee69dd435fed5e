"""Inference components, endpoints of one model, autoscaling: what is created, what answers, what is left."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend

from mmebench.endpoints.endpoint import NoRoomError
from mmebench.endpoints.opener import open_endpoint
from mmebench.endpoints.sagemaker import journal, replacement
from mmebench.endpoints.sagemaker.aws import Aws, AwsError
from mmebench.endpoints.sagemaker.endpoint import SageMakerEndpoint
from mmebench.endpoints.sagemaker.scaling import Instances
from mmebench.spec import SageMakerEndpoint as Spec
from mmebench.spec.endpoints.component import accelerators_of
from mmebench.wire.runtime import RuntimeClient
from support import cloud, deployments
from support.contract_server import offset_archive
from support.inference_components import components_of

pytestmark = pytest.mark.slow


def spec(**change: Any) -> Spec:
    return Spec.model_validate(cloud.ENDPOINT | change)


COMPONENTS = spec(
    hosting="components",
    instance_type="ml.g5.12xlarge",
    component={"memory_per_copy": "3GiB", "cores": 2},
)


def opened(one: Spec, folder: Path) -> SageMakerEndpoint:
    endpoint = open_endpoint(one, folder, folder / "log")
    assert isinstance(endpoint, SageMakerEndpoint)
    return endpoint


def test_components_as_many_as_there_are_gpus(account: str, runtime: str, tmp_path: Path) -> None:
    archive = offset_archive(tmp_path / "a.tar.gz", 4)
    targets = [f"a-model-with-quite-a-long-name-v{number}.tar.gz" for number in range(5)]
    with opened(COMPONENTS, tmp_path) as endpoint, open_client(endpoint) as client:
        assert endpoint.instance_type == "ml.g5.12xlarge-components"
        for target in targets:
            endpoint.add_targets(archive, [target])
        for target in targets[:4]:
            endpoint.wait_for(target)
            assert client.invoke(target, b"[1, 2]", "application/json")[0] == b"[7.0, 10.0]"
        with pytest.raises(NoRoomError, match=r"each reserves 3072 MiB and 1 GPU: a larger instance type"):
            endpoint.wait_for(targets[4])
        there = components_of(get_backend("sagemaker")[cloud.ACCOUNT]["us-east-1"])
        assert len(there) == 5, "names that are too long are told apart"
        for name, component in there.items():
            assert name.startswith(f"{endpoint.name}-a-model-with-")
            needs = component["Specification"]["ComputeResourceRequirements"]
            assert needs == {
                "MinMemoryRequiredInMb": 3072,
                "NumberOfAcceleratorDevicesRequired": 1,
                "NumberOfCpuCoresRequired": 2,
            }
            assert {"Key": "mmebench:run", "Value": endpoint.name} in component["Tags"]
            assert component["RuntimeConfig"] == {"CopyCount": 1}
    assert cloud.everything(account) == []
    assert not list(journal.directory().iterdir())


def test_an_endpoint_for_each(account: str, runtime: str, tmp_path: Path) -> None:
    archive = offset_archive(tmp_path / "a.tar.gz", 4)
    with opened(spec(hosting="single"), tmp_path) as endpoint, open_client(endpoint) as client:
        for target in ("a.tar.gz", "b.tar.gz"):
            endpoint.add_targets(archive, [target])
        for target in ("a.tar.gz", "b.tar.gz"):
            endpoint.wait_for(target)
            assert client.invoke(target, b"[1, 2]", "application/json")[0] == b"[7.0, 10.0]"
        names = [name for name in cloud.everything(account) if name.startswith("endpoint ")]
        assert names == [f"endpoint {endpoint.name}-{letter}" for letter in "ab"]
    assert cloud.everything(account) == []


def test_a_quota_that_ends_before_the_last_endpoint(
    account: str, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = offset_archive(tmp_path / "a.tar.gz", 4)
    with opened(spec(hosting="single"), tmp_path) as endpoint:
        endpoint.add_targets(archive, ["a.tar.gz"])
        refuse(endpoint, monkeypatch, "create_endpoint", "ResourceLimitExceeded", "limit for endpoint usage is 1")
        endpoint.add_targets(archive, ["b.tar.gz"])
        endpoint.wait_for("a.tar.gz")
        with pytest.raises(NoRoomError, match="quota"):
            endpoint.wait_for("b.tar.gz")
    assert cloud.everything(account) == []


def test_what_is_wrong_with_a_component_is_not_taken_for_a_full_endpoint(
    account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = offset_archive(tmp_path / "a.tar.gz", 4)
    with opened(COMPONENTS, tmp_path) as endpoint:
        endpoint.add_targets(archive, ["a.tar.gz"])
        component = components_of(get_backend("sagemaker")[cloud.ACCOUNT]["us-east-1"])[f"{endpoint.name}-a"]
        component |= {"InferenceComponentStatus": "Failed", "FailureReason": "CannotStartContainerError"}
        with pytest.raises(AwsError, match="CannotStartContainerError") as caught:
            endpoint.wait_for("a.tar.gz")
        assert not isinstance(caught.value, NoRoomError)
    assert cloud.everything(account) == []


def test_autoscaling_is_registered_and_ended(account: str, tmp_path: Path) -> None:
    scaling = {"min": 1, "max": 3, "invocations_per_instance": 70, "scale_in_cooldown": "10m"}
    client = cloud.client("application-autoscaling", account)
    with opened(spec(autoscaling=scaling), tmp_path) as endpoint:
        (target,) = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        assert target["ResourceId"] == f"endpoint/{endpoint.name}/variant/AllTraffic"
        assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)
        (policy,) = client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        assert policy["TargetTrackingScalingPolicyConfiguration"] == {
            "TargetValue": 70,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleOutCooldown": 300,
            "ScaleInCooldown": 600,
        }
    assert cloud.everything(account) == []


def test_new_instances_take_the_place_of_all(
    account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same model behind another config; a second time they do not come up, and the first go on."""
    monkeypatch.setattr(replacement, "_POLL_SECONDS", 0.2)
    sagemaker = cloud.client("sagemaker", account)
    with opened(spec(blue_green=True, instance_count=2), tmp_path) as endpoint:
        began = time.monotonic()
        moved = endpoint.deploy() - began
        assert deployments.MOVED < moved < deployments.OVER < time.monotonic() - began
        config = sagemaker.describe_endpoint(EndpointName=endpoint.name)["EndpointConfigName"]
        assert config == f"{endpoint.name}-1"
        (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        assert (variant["ModelName"], variant["InitialInstanceCount"]) == (endpoint.name, 2)
        with pytest.raises(AwsError, match=r"new instances of .* did not come up: .*CannotStartContainerError"):
            endpoint.deploy()
        assert sagemaker.describe_endpoint(EndpointName=endpoint.name)["EndpointConfigName"] == config
    assert cloud.everything(account) == []
    assert not list(journal.directory().iterdir())


def test_instances_that_come_and_go_are_seen(account: str, tmp_path: Path) -> None:
    scaling = {"max": 3, "invocations_per_instance": 70}
    with opened(spec(autoscaling=scaling), tmp_path) as endpoint:
        variants = (
            get_backend("sagemaker")[cloud.ACCOUNT]["us-east-1"].endpoints[endpoint.name].production_variants
        )
        instances = Instances(Aws("us-east-1"), endpoint.name, 1)
        for desired, current in ((1, 1), (2, 1), (2, 1), (2, 2), (3, 3), (1, 3), (1, 1)):
            variants[0] |= {"DesiredInstanceCount": desired, "CurrentInstanceCount": current}
            instances.look()
        assert [(change.what, change.instances) for change in instances.changes] == [
            ("alarm", 2),
            ("added", 2),
            ("alarm", 3),
            ("added", 3),
            ("alarm", 1),
            ("removed", 1),
        ]
        times = [change.at for change in instances.changes]
        assert times == sorted(times)


@pytest.mark.parametrize(
    ("instance_type", "accelerators"),
    [
        ("ml.g5.xlarge", 1),
        ("ml.g5.12xlarge", 4),
        ("ml.p4d.24xlarge", 8),
        ("ml.g9.xlarge", 1),
        ("ml.m5.xlarge", 0),
        ("ml.inf2.xlarge", 1),
        ("local-2cpu-4GiB", 0),
    ],
)
def test_accelerators(instance_type: str, accelerators: int) -> None:
    assert accelerators_of(instance_type) == accelerators


def open_client(endpoint: SageMakerEndpoint) -> closing[RuntimeClient]:
    return closing(RuntimeClient(endpoint))


def refuse(endpoint: SageMakerEndpoint, monkeypatch: pytest.MonkeyPatch, call: str, code: str, text: str) -> None:
    def refused(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": text}}, call)

    monkeypatch.setattr(endpoint._deployment.aws.sagemaker, call, refused)
