"""A container by its URL: a tiny one that knows only the contract, and Triton's own front for SageMaker."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.server.memory.loader import model_id
from mmebench.spec import LocalEndpoint as Spec
from support.contract_server import ContractServer, offset_archive
from support.free_ports import free_ports
from support.invocations import invoke, runtime_client
from support.patience import wait_until
from support.sagemaker_front import sagemaker_front
from support.served_constants import override
from support.serving import refusal
from support.tiny_models import expected, onnx_archive

Front = Callable[[ContractServer], LocalEndpoint]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Endpoints before a container, over ``tmp_path / "store"``."""
    started: list[LocalEndpoint] = []
    (tmp_path / "store").mkdir()

    def make(container: ContractServer) -> LocalEndpoint:
        spec = Spec.model_validate({"container": container.url, "model_directory": tmp_path / "models"})
        started.append(start(spec, tmp_path / "store", tmp_path / "serve.log"))
        return started[-1]

    yield make
    for endpoint in started:
        endpoint.close()


def add_targets(tmp_path: Path, endpoint: LocalEndpoint, count: int) -> list[str]:
    """Targets whose answers tell them apart: target ``n`` adds ``n``."""
    targets = [f"team/v{number}.tar.gz" for number in range(count)]
    for number, target in enumerate(targets):
        endpoint.add_targets(offset_archive(tmp_path / f"v{number}.tar.gz", number), [target])
    return targets


def ask(client: Any, target: str, values: list[float]) -> Any:
    answer = client.invoke_endpoint(
        EndpointName="local",
        TargetModel=target,
        Body=json.dumps(values),
        ContentType="application/json",
        CustomAttributes="from the client",
    )
    assert answer["CustomAttributes"] == "from the container"
    assert answer["ContentType"] == "application/json"
    return json.loads(answer["Body"].read())


def test_a_full_container_is_relieved_of_the_least_recently_used(front: Front, tmp_path: Path) -> None:
    with ContractServer(room=3) as container:
        endpoint = front(container)
        client = runtime_client(endpoint.url)
        targets = add_targets(tmp_path, endpoint, 5)
        for turn in range(2):
            for number, target in enumerate(targets):
                assert ask(client, target, [1.0, turn]) == [3.0 + number, 3.0 * turn + number]
        residency = endpoint.residency()
        assert residency.resident == tuple(targets[2:])
        assert container.targets == set(targets[2:])
        assert (residency.loads, residency.evictions, residency.memory_budget) == (10, 7, None)
        assert set(container.attributes) == {"from the client"}
        assert endpoint.container == f"mme container at 127.0.0.1:{container.port}"
        assert not (tmp_path / "models" / model_id(targets[0])).exists()
        endpoint.close()
        assert container.models == {}
        assert list((tmp_path / "models").iterdir()) == []


def test_no_memory_to_run_evicts_another_and_tries_again(front: Front, tmp_path: Path) -> None:
    with ContractServer(busy=2) as container:
        endpoint = front(container)
        client = runtime_client(endpoint.url)
        targets = add_targets(tmp_path, endpoint, 3)
        for number, target in enumerate(targets):
            assert ask(client, target, [1.0]) == [3.0 + number]
        assert endpoint.residency().resident == tuple(targets[1:])


def test_no_memory_for_ever_is_a_model_error_and_ends(front: Front, tmp_path: Path) -> None:
    with ContractServer() as container:
        endpoint = front(container)
        client = runtime_client(endpoint.url)
        good, heavy, large = add_targets(tmp_path, endpoint, 3)
        ask(client, good, [1.0])
        for limit, bad in (("busy", heavy), ("room", large)):
            setattr(container, limit, 0)
            with pytest.raises(client.exceptions.ModelError, match="no room") as caught:
                ask(client, bad, [1.0])
            assert caught.value.response["OriginalStatusCode"] == 507
            setattr(container, limit, 100)
            assert ask(client, good, [1.0]) == [3.0]
        assert container.calls.total() < 30


def test_a_model_that_the_container_forgot_is_loaded_again(front: Front, tmp_path: Path) -> None:
    with ContractServer() as container:
        endpoint = front(container)
        client = runtime_client(endpoint.url)
        (target,) = add_targets(tmp_path, endpoint, 1)
        ask(client, target, [1.0])
        container.models.clear()
        assert ask(client, target, [1.0]) == [3.0]
        assert container.calls["load"] == 2


def test_a_model_that_is_loaded_already_is_not_trusted(front: Front, tmp_path: Path) -> None:
    """It may hold other files under this name; 409 must not lead to its answers."""
    with ContractServer() as container:
        endpoint = front(container)
        (target,) = add_targets(tmp_path, endpoint, 1)
        container.models[model_id(target)] = target, 77.0
        assert ask(runtime_client(endpoint.url), target, [1.0]) == [3.0]


def test_what_it_held_before_we_came_goes(front: Front, tmp_path: Path) -> None:
    with ContractServer(room=1) as container:
        container.models["somebody's"] = "s.tar.gz", 5.0
        endpoint = front(container)
        (target,) = add_targets(tmp_path, endpoint, 1)
        assert ask(runtime_client(endpoint.url), target, [1.0]) == [3.0]


def test_an_error_of_the_model_is_a_model_error(front: Front, tmp_path: Path) -> None:
    with ContractServer() as container:
        endpoint = front(container)
        (target,) = add_targets(tmp_path, endpoint, 1)
        client = runtime_client(endpoint.url)
        no_number: Any = "x"
        with pytest.raises(client.exceptions.ModelError) as caught:
            ask(client, target, [no_number])
        assert caught.value.response["OriginalStatusCode"] == 400
        assert caught.value.response["OriginalMessage"]
        assert container.calls["invoke"] == 1


def test_a_container_that_was_away_is_used_again(front: Front, tmp_path: Path) -> None:
    with ContractServer() as container:
        endpoint = front(container)
        client = runtime_client(endpoint.url)
        (target,) = add_targets(tmp_path, endpoint, 1)
        ask(client, target, [1.0])
    with pytest.raises(client.exceptions.ServiceUnavailable):
        ask(client, target, [1.0])
    with ContractServer(port=container.port) as restarted:

        def heals() -> bool:
            try:
                return bool(ask(client, target, [2.0]) == [6.0])
            except client.exceptions.ServiceUnavailable:
                return False

        wait_until(heals)
        assert restarted.targets == {target}


@pytest.mark.slow
def test_what_cannot_work_is_refused(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constant = "mmebench.server.containers.contract._START_SECONDS"
    override(monkeypatch, tmp_path / "site", {constant: 0.5})
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    assert "allowed: auto, triton, python, or the URL" in refusal(tmp_path, "--container", "https://127.0.0.1:80")
    for nowhere in (
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:http",
        "http://:80",
        "http://[1",
    ):
        assert f"--container: got '{nowhere}'; allowed:" in refusal(tmp_path, "--container", nowhere)
    assert "says itself when it is full" in refusal(tmp_path, "--container", url, "--memory", "1GiB")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    options = ("--container", url, "--model-directory")
    assert "is not empty; give an empty folder" in refusal(tmp_path, *options, str(tmp_path / "full"))
    assert (tmp_path / "full" / "file").exists()
    assert "start the container first" in refusal(tmp_path, *options, str(tmp_path / "other"))
    with ContractServer() as container:
        front(container)
        options = ("--container", container.url, "--model-directory")
        assert "in use by another mmebench serve" in refusal(tmp_path, *options, str(tmp_path / "models"))


# --- Triton's own front for SageMaker


@pytest.mark.triton
def test_triton_behind_its_own_front(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    config = """
    backend: "onnxruntime" max_batch_size: 8
    input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }
    instance_group { kind: KIND_CPU }
    """
    values = [[1.0, 2.0, 3.0, 4.0]]
    with ExitStack() as stack:
        url = stack.enter_context(sagemaker_front(tmp_path))
        spec = Spec.model_validate({"container": url, "model_directory": tmp_path / "models"})
        endpoint = stack.enter_context(start(spec, tmp_path / "store", tmp_path / "serve.log"))
        client = runtime_client(endpoint.url)
        for number in range(3):
            archive = onnx_archive(tmp_path / f"v{number}.tar.gz", number, config=config)
            endpoint.add_targets(archive, [f"v{number}.tar.gz"])
        for number in (0, 1, 2, 1, 0):
            assert invoke(client, f"v{number}.tar.gz", values) == expected(values, number)
        assert endpoint.residency().resident == ("v2.tar.gz", "v1.tar.gz", "v0.tar.gz")
        with pytest.raises(client.exceptions.ModelError) as caught:
            invoke(client, "v0.tar.gz", [[1.0]])
        assert caught.value.response["OriginalStatusCode"] == 400
        endpoint.add_targets(onnx_archive(tmp_path / "bad.tar.gz", 0, config="nonsense {"), ["bad.tar.gz"])
        with pytest.raises(client.exceptions.ModelError):
            invoke(client, "bad.tar.gz", values)
        assert invoke(client, "v1.tar.gz", values) == expected(values, 1)
