"""The same models hosted otherwise: components that stay in memory, and an instance for each."""

from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from mmebench.endpoints.local import LocalEndpoint
from mmebench.errors import BadInputError
from mmebench.wire.runtime import InvocationError, RuntimeClient
from support.invocations import json_body, runtime_client
from support.serving import Serve
from support.tiny_models import expected, weighty_archive

pytestmark = pytest.mark.slow
ROWS = [[1.0, 2.0, 3.0, 4.0]]
BODY = json_body(ROWS, "x"), "application/json"
TARGETS = [f"my_model-{number}.tar.gz" for number in range(5)]


def add_targets(endpoint: LocalEndpoint, folder: Path) -> None:
    for number, target in enumerate(TARGETS):
        endpoint.add_targets(weighty_archive(folder / target, number), [target])


def test_components_stay_and_what_has_no_room_is_refused(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="python", hosting="components", memory="180MiB")
    add_targets(endpoint, tmp_path)
    assert endpoint.instance_type.endswith("-components")
    client = RuntimeClient(endpoint)
    answered, refused = TARGETS[:3], TARGETS[3:]
    for target in answered:
        client.invoke(target, *BODY)
    for target in refused:
        with pytest.raises(InvocationError, match="others that stay leave less than that of 180 MiB") as caught:
            client.invoke(target, *BODY)
        assert caught.value.memory_exhausted
    residency = endpoint.residency()
    assert list(residency.resident) == answered, "by the names of targets"
    assert (residency.loads, residency.evictions) == (3, 0)
    assert {load.target for load in endpoint.recent_loads()} == set(answered)
    for target in answered:
        client.invoke(target, *BODY)
    assert endpoint.residency().loads == 3


def test_components_are_invoked_by_their_name(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="python", hosting="components", memory="1GiB")
    add_targets(endpoint, tmp_path)
    client = runtime_client(endpoint.url)
    body, content_type = BODY
    named = {"EndpointName": "local", "Body": body, "ContentType": content_type}
    answer = client.invoke_endpoint(**named, InferenceComponentName="my-model-1")
    assert b"[4.0" in answer["Body"].read().replace(b" ", b"")
    for wrong, words in (
        ({}, "InferenceComponentName must say which"),
        ({"TargetModel": "my_model-1.tar.gz"}, "this endpoint hosts inference components"),
        ({"InferenceComponentName": "nobody"}, "no archive 'nobody.tar.gz'"),
    ):
        with pytest.raises(ClientError, match=words):
            client.invoke_endpoint(**named, **wrong)


def test_two_of_one_name_are_refused(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="python", hosting="components")
    archive = weighty_archive(tmp_path / "a.tar.gz", 1)
    endpoint.add_targets(archive, ["a_b.tar.gz"])
    with pytest.raises(BadInputError, match=r"a_b\.tar\.gz and a-b\.tar\.gz would both be called a-b"):
        endpoint.add_targets(archive, ["a-b.tar.gz"])


@pytest.mark.triton
def test_each_has_an_endpoint_and_a_triton_of_its_own(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="triton", hosting="single", instances=2, memory="1GiB")
    add_targets(endpoint, tmp_path)
    client = runtime_client(endpoint.url)
    body, content_type = BODY
    for number in (0, 1, 0, 1):
        answer = client.invoke_endpoint(EndpointName=f"my-model-{number}", Body=body, ContentType=content_type)
        assert f"{expected(ROWS, number)[0][0]}".encode() in answer["Body"].read()
    assert [each.targets for each in endpoint.residency().instances] == [1, 1]
    assert len(psutil.Process(endpoint.pid).children()) == 2
    with pytest.raises(ClientError, match="there are 2 instances, and each has a model already"):
        client.invoke_endpoint(EndpointName="my-model-2", Body=body, ContentType=content_type)
    with pytest.raises(ClientError, match="this endpoint is of one model"):
        client.invoke_endpoint(
            EndpointName="my-model-0", TargetModel="x.tar.gz", Body=body, ContentType=content_type
        )
    assert endpoint.residency().loads == 2
