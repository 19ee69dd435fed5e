"""The local endpoint with a real Triton, as boto3 sees it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from botocore.exceptions import ClientError

from mmebench.endpoints.local import LocalEndpoint
from support.invocations import binary_body, binary_output, invoke, json_body, runtime_client
from support.patience import wait_until
from support.served_constants import override
from support.tiny_models import expected, onnx_archive, weighty_archive

pytestmark = pytest.mark.triton

VALUES = [[1.0, 2.5, -3.0, 0.0], [1e-3, 1024.0, 7.0, -0.5]]
PLATFORMS = [("onnx", 1, "x"), ("pt", 3, "INPUT__0"), ("libtorch", 4, "INPUT__0"), ("openvino", 5, "x")]


# --- answers


@pytest.mark.parametrize(("name", "offset", "input_name"), PLATFORMS)
def test_json_answers_are_exact(client: Any, name: str, offset: float, input_name: str) -> None:
    values = [[1.0, 2.5, -3.0, 0.0], [0.25, 1024.0, 7.0, -0.5]]
    assert invoke(client, f"{name}.tar.gz", values, input_name) == expected(values, offset)


@pytest.mark.parametrize(("name", "offset", "input_name"), PLATFORMS)
def test_binary_answers_are_exact(client: Any, name: str, offset: float, input_name: str) -> None:
    array = np.array(VALUES, np.float32)
    body, content_type = binary_body(array, input_name)
    answer = client.invoke_endpoint(
        EndpointName="local", TargetModel=f"{name}.tar.gz", ContentType=content_type, Body=body
    )
    output = binary_output(answer["Body"].read(), answer["ContentType"])
    np.testing.assert_allclose(output, array * np.float32(3) + np.float32(offset), rtol=1e-6)


def test_half_precision_goes_both_ways(client: Any) -> None:
    array = np.array([[0.5, -1.5, 100, 0.125]], np.float16)
    body, content_type = binary_body(array)
    answer = client.invoke_endpoint(
        EndpointName="local", TargetModel="half.tar.gz", ContentType=content_type, Body=body
    )
    output = binary_output(answer["Body"].read(), answer["ContentType"])
    assert output.dtype == np.float16
    assert output.tolist() == (array * 3 + 2).tolist()


def test_a_body_of_megabytes_arrives_whole(endpoint: LocalEndpoint, client: Any, tmp_path: Path) -> None:
    """Far more than one read or one socket buffer, both ways."""
    config = """
    backend: "onnxruntime" max_batch_size: 0
    input { name: "x" data_type: TYPE_FP32 dims: [-1, 4] } output { name: "y" data_type: TYPE_FP32 dims: [-1, 4] }
    """
    endpoint.add_targets(onnx_archive(tmp_path / "wide.tar.gz", 6, config=config), ["wide.tar.gz"])
    array = np.random.default_rng(0).standard_normal((1_000_000, 4), np.float32)
    body, content_type = binary_body(array)
    for _ in range(2):  # cold, then warm
        answer = client.invoke_endpoint(
            EndpointName="local", TargetModel="wide.tar.gz", ContentType=content_type, Body=body
        )
        output = binary_output(answer["Body"].read(), answer["ContentType"])
        np.testing.assert_allclose(output, array * 3 + 6, rtol=1e-5, atol=1e-5)


def test_concurrent_requests_get_their_own_answers(endpoint: LocalEndpoint) -> None:
    """Triton joins them into batches; each must get its own rows back."""

    def ask(number: int) -> bool:
        client = runtime_client(endpoint.url)
        name, offset, input_name = PLATFORMS[number % len(PLATFORMS)]
        values = [[float(number), number + 0.5, -number, 0.0]] * (1 + number % 3)
        return all(
            invoke(client, f"{name}.tar.gz", values, input_name) == expected(values, offset) for _ in range(10)
        )

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, range(12)))


# --- residency


def test_answers_tell_cold_from_warm(endpoint: LocalEndpoint, client: Any, archives: dict[str, Path]) -> None:
    endpoint.add_targets(archives["onnx"], ["some team/v1.tar.gz"])
    headers = []
    for _ in range(2):
        answer = client.invoke_endpoint(
            EndpointName="local",
            TargetModel="some team/v1.tar.gz",
            ContentType="application/json",
            Body=json_body(VALUES),
        )
        headers.append(answer["ResponseMetadata"]["HTTPHeaders"])
        assert answer["InvokedProductionVariant"] == "AllTraffic"
    cold, warm = headers
    assert cold["x-mmebench-residency"] == "cold"
    assert 10 < float(cold["x-mmebench-load-ms"]) < 60_000
    assert warm["x-mmebench-residency"] == "warm"
    assert "x-mmebench-load-ms" not in warm
    assert cold["x-amzn-requestid"] != warm["x-amzn-requestid"]


def test_first_requests_at_once_share_one_load(endpoint: LocalEndpoint, archives: dict[str, Path]) -> None:
    endpoint.add_targets(archives["onnx"], ["shared.tar.gz"])
    before = endpoint.residency().loads
    clients = [runtime_client(endpoint.url) for _ in range(12)]

    def ask(client: Any) -> str:
        answer = client.invoke_endpoint(
            EndpointName="local",
            TargetModel="shared.tar.gz",
            ContentType="application/json",
            Body=json_body([[1.0, 2.0, 3.0, 4.0]]),
        )
        assert json.loads(answer["Body"].read())["outputs"][0]["data"] == [4.0, 7.0, 10.0, 13.0]
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        if headers["x-mmebench-residency"] == "cold":
            assert float(headers["x-mmebench-load-ms"]) > 0
        return str(headers["x-mmebench-residency"])

    with ThreadPoolExecutor(len(clients)) as pool:
        residencies = list(pool.map(ask, clients))
    assert endpoint.residency().loads == before + 1
    assert residencies.count("cold") >= 2


def test_the_least_recently_used_target_is_evicted(serve: Any, tmp_path: Path) -> None:
    endpoint = serve(memory="300MiB")
    client = runtime_client(endpoint.url)
    targets = [f"v{number}.tar.gz" for number in range(9)]
    endpoint.add_targets(weighty_archive(tmp_path / "weighty.tar.gz", 1), targets)
    for target in targets[:3]:
        invoke(client, target, VALUES)
    invoke(client, targets[0], VALUES)  # now the second is the least recently used
    assert endpoint.residency().resident == (targets[1], targets[2], targets[0])
    for loads, target in enumerate(targets[3:], start=4):
        invoke(client, target, VALUES)
        residency = endpoint.residency()
        assert residency.loads == loads
        assert residency.memory_used <= 300 * 2**20
        if residency.evictions:
            break
    survivors = [targets[1], targets[2], targets[0], *targets[3:loads]][residency.evictions :]
    assert residency.resident == tuple(survivors)
    # Its files are still there, so it comes back, and right.
    np.testing.assert_allclose(invoke(client, targets[1], VALUES), expected(VALUES, 1), rtol=1e-6)
    assert endpoint.residency().resident[-1] == targets[1]


def test_a_target_that_can_never_fit_is_refused_and_nothing_evicted(serve: Any, archives: dict[str, Path]) -> None:
    endpoint = serve(memory="100MiB")
    client = runtime_client(endpoint.url)
    endpoint.add_targets(archives["onnx"], ["onnx.tar.gz"])
    endpoint.add_targets(archives["pt"], ["pt.tar.gz"])
    invoke(client, "onnx.tar.gz", VALUES)
    for _ in range(2):  # found out by loading it, then known
        with pytest.raises(client.exceptions.ModelError) as caught:
            invoke(client, "pt.tar.gz", VALUES, "INPUT__0")
        assert caught.value.response["OriginalStatusCode"] == 507
        assert "out of memory" in caught.value.response["OriginalMessage"]
    np.testing.assert_allclose(invoke(client, "onnx.tar.gz", VALUES), expected(VALUES, 1), rtol=1e-6)


# --- errors as boto3 raises them


def test_a_missing_archive(client: Any) -> None:
    with pytest.raises(client.exceptions.ValidationError, match=r"no archive 'nothing.tar.gz'") as caught:
        invoke(client, "nothing.tar.gz", VALUES)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"]["Message"].startswith("Failed to download model data")


@pytest.mark.parametrize(
    "target",
    ["../onnx.tar.gz", "/etc/passwd", "a/../onnx.tar.gz", "a//b.tar.gz", "%2e%2e/onnx.tar.gz", "x" * 1025],
)
def test_names_that_escape_the_store(client: Any, target: str) -> None:
    with pytest.raises(client.exceptions.ValidationError):
        invoke(client, target, VALUES)


def test_an_unknown_endpoint(client: Any) -> None:
    with pytest.raises(client.exceptions.ValidationError, match="Endpoint other of account"):
        client.invoke_endpoint(EndpointName="other", TargetModel="onnx.tar.gz", Body=b"{}")


def test_no_target(client: Any) -> None:
    with pytest.raises(client.exceptions.ValidationError, match="TargetModel"):
        client.invoke_endpoint(EndpointName="local", Body=b"{}")


@pytest.mark.parametrize(
    "body",
    [b"not json", b"", b"{}", json_body([[1.0]]), json_body([[1.0] * 4], "wrong"), json_body([[1.0] * 4] * 9)],
)
def test_a_request_that_the_model_refuses(client: Any, body: bytes) -> None:
    with pytest.raises(client.exceptions.ModelError) as caught:
        client.invoke_endpoint(
            EndpointName="local", TargetModel="onnx.tar.gz", ContentType="application/json", Body=body
        )
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert 400 <= response["OriginalStatusCode"] < 600
    assert response["OriginalMessage"]
    assert response["LogStreamArn"]


def test_a_body_over_the_limit(client: Any) -> None:
    with pytest.raises(ClientError, match="exceeded 26214400 bytes") as caught:
        client.invoke_endpoint(EndpointName="local", TargetModel="onnx.tar.gz", Body=bytes(26214401))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_load_that_outlasts_the_request_goes_on(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(monkeypatch, tmp_path / "site", {"mmebench.server.front.exchange._LOAD_SECONDS": 1.0})
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 2, load=3), ["slow.tar.gz"])
    client = runtime_client(endpoint.url)
    with pytest.raises(client.exceptions.ModelNotReadyException, match=r"slow.tar.gz is still being") as caught:
        invoke(client, "slow.tar.gz", [[1.0] * 4])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    wait_until(lambda: endpoint.residency().resident == ("slow.tar.gz",))
    assert invoke(client, "slow.tar.gz", [[1.0] * 4]) == [[5.0] * 4]
    assert endpoint.residency().loads == 1


@pytest.mark.parametrize(
    "content", [b"", b"not a tar", b"\x1f\x8b\x08\x00 broken"], ids=["empty", "text", "broken gzip"]
)
def test_a_corrupt_archive(endpoint: LocalEndpoint, client: Any, tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "corrupt.tar.gz"
    archive.write_bytes(content)
    endpoint.add_targets(archive, ["corrupt.tar.gz"])
    with pytest.raises(client.exceptions.ValidationError, match=r"corrupt.tar.gz: damaged"):
        invoke(client, "corrupt.tar.gz", VALUES)
    np.testing.assert_allclose(invoke(client, "onnx.tar.gz", VALUES), expected(VALUES, 1), rtol=1e-6)


def test_a_corrupt_archive_that_is_repaired(
    endpoint: LocalEndpoint, client: Any, tmp_path: Path, archives: dict[str, Path]
) -> None:
    archive = tmp_path / "cut.tar.gz"
    archive.write_bytes(archives["onnx"].read_bytes()[:200])
    endpoint.add_targets(archive, ["repaired.tar.gz"])
    with pytest.raises(client.exceptions.ValidationError):
        invoke(client, "repaired.tar.gz", VALUES)
    endpoint.add_targets(archives["onnx"], ["repaired.tar.gz"])
    np.testing.assert_allclose(invoke(client, "repaired.tar.gz", VALUES), expected(VALUES, 1), rtol=1e-6)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('backend: "onnxrutime"', "did you mean onnxruntime"),
        (
            'backend: "onnxruntime" input { name: "no" data_type: TYPE_FP32 dims: 4 } '
            'output { name: "y" data_type: TYPE_FP32 dims: 4 }',
            "config.pbtxt names input no; the model has x",
        ),
    ],
    ids=["refused by us", "refused by the container"],
)
def test_a_bad_config(endpoint: LocalEndpoint, client: Any, tmp_path: Path, config: str, message: str) -> None:
    endpoint.add_targets(onnx_archive(tmp_path / "bad.tar.gz", 0, config=config), ["bad.tar.gz"])
    with pytest.raises(client.exceptions.ModelError, match=message) as caught:
        invoke(client, "bad.tar.gz", VALUES)
    assert caught.value.response["OriginalStatusCode"] == 400
    assert "bad.tar.gz" in caught.value.response["OriginalMessage"]
    assert "bad.tar.gz" not in endpoint.residency().resident


def test_an_archive_replaced_under_its_name_is_loaded_anew(serve: Any, tmp_path: Path) -> None:
    endpoint = serve(memory="100MiB")  # one fits
    client = runtime_client(endpoint.url)
    endpoint.add_targets(weighty_archive(tmp_path / "old.tar.gz", 1), ["a.tar.gz", "b.tar.gz"])
    assert invoke(client, "a.tar.gz", [[0.0] * 4]) == [[1.0] * 4]
    endpoint.add_targets(weighty_archive(tmp_path / "new.tar.gz", 9), ["a.tar.gz"])
    invoke(client, "b.tar.gz", VALUES)  # evicts a
    assert endpoint.residency().resident == ("b.tar.gz",)
    assert invoke(client, "a.tar.gz", [[0.0] * 4]) == [[9.0] * 4]


def test_without_the_model_cache_nothing_stays(serve: Any, archives: dict[str, Path]) -> None:
    endpoint = serve(model_cache_setting="Disabled", load_concurrency=3)
    client = runtime_client(endpoint.url)
    endpoint.add_targets(archives["onnx"], ["a.tar.gz", "b.tar.gz"])
    for target in ("a.tar.gz", "b.tar.gz", "a.tar.gz"):
        np.testing.assert_allclose(invoke(client, target, VALUES), expected(VALUES, 1), rtol=1e-6)
    wait_until(lambda: endpoint.residency().memory_used == 0)
    residency = endpoint.residency()
    assert (residency.resident, residency.loads, residency.evictions) == ((), 3, 0)
    wait_until(lambda: not any(unpacked_models(endpoint)))


def unpacked_models(endpoint: LocalEndpoint) -> Iterator[Path]:
    """What the endpoint has unpacked, in its store and for its container."""
    (triton,) = psutil.Process(endpoint.pid).children()
    option = "--model-repository="
    (repository,) = [Path(part.removeprefix(option)) for part in triton.cmdline() if part.startswith(option)]
    yield from (repository.parent / "unpacked").iterdir()
    yield from (path for path in repository.iterdir() if path.name != "mmebench-probe")
