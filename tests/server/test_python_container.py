"""The Python fallback: the same answers as Triton's, from its own process."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmebench.endpoints.local import LocalEndpoint
from mmebench.endpoints.server_metrics import TARGET
from mmebench.endpoints.server_metrics.reading import read_server_metrics, write_archive
from mmebench.server.containers.v2_codec import InferRequest, RequestError, check, decode, encode
from mmebench.wire.runtime import RuntimeClient
from support.invocations import binary_body, binary_output, invoke, runtime_client
from support.tiny_models import expected, python_archive, weighty_archive

VALUES = [[1.0, 2.5, -3.0, 0.0], [0.25, 1024.0, 7.0, -0.5]]


@pytest.fixture(scope="module")
def client(fallback: LocalEndpoint) -> Any:
    return runtime_client(fallback.url)


def test_it_says_what_it_is(fallback: LocalEndpoint) -> None:
    assert fallback.container == "python (fallback)"


@pytest.mark.parametrize(
    ("name", "offset", "input_name"),
    [("onnx", 1, "x"), ("pt", 3, "INPUT__0"), ("libtorch", 4, "INPUT__0"), ("openvino", 5, "x")],
)
def test_answers_are_exact(client: Any, name: str, offset: float, input_name: str) -> None:
    assert invoke(client, f"{name}.tar.gz", VALUES, input_name) == expected(VALUES, offset)
    array = np.array(VALUES, np.float32)
    body, content_type = binary_body(array, input_name)
    answer = client.invoke_endpoint(
        EndpointName="local", TargetModel=f"{name}.tar.gz", ContentType=content_type, Body=body
    )
    output = binary_output(answer["Body"].read(), answer["ContentType"])
    assert output.tolist() == expected(VALUES, offset)


def test_half_precision(client: Any) -> None:
    array = np.array([[0.5, -1.5, 100, 0.125]], np.float16)
    body, content_type = binary_body(array)
    answer = client.invoke_endpoint(
        EndpointName="local", TargetModel="half.tar.gz", ContentType=content_type, Body=body
    )
    assert binary_output(answer["Body"].read(), answer["ContentType"]).tolist() == (array * 3 + 2).tolist()


def test_server_metrics(fallback: LocalEndpoint, tmp_path: Path) -> None:
    fallback.add_targets(write_archive(tmp_path), [TARGET])
    client = RuntimeClient(fallback)
    assert 0 < read_server_metrics(client).memory_utilization < 100
    client.close()
    assert TARGET not in fallback.residency().resident


def test_errors(fallback: LocalEndpoint, client: Any, tmp_path: Path) -> None:
    with pytest.raises(client.exceptions.ModelError, match=r"shape \[1, 2\]; the model takes"):
        invoke(client, "onnx.tar.gz", [[1.0, 2.0]])
    fallback.add_targets(python_archive(tmp_path / "bad.tar.gz", "this is no python at all"), ["bad.tar.gz"])
    with pytest.raises(client.exceptions.ModelError, match="SyntaxError"):
        invoke(client, "bad.tar.gz", VALUES)
    failing = "class TritonPythonModel:\n    def execute(self, requests):\n        raise KeyError('oops')\n"
    fallback.add_targets(python_archive(tmp_path / "failing.tar.gz", failing), ["failing.tar.gz"])
    with pytest.raises(client.exceptions.ModelError, match="oops") as caught:
        invoke(client, "failing.tar.gz", VALUES)
    assert caught.value.response["OriginalStatusCode"] == 500


def test_eviction(serve: Any, tmp_path: Path) -> None:
    """Models of 50 MB each, in one process of which only what they added counts."""
    endpoint = serve(memory="120MiB", container="python")
    endpoint.add_targets(weighty_archive(tmp_path / "large.tar.gz", 1), [f"v{n}.tar.gz" for n in range(3)])
    client = runtime_client(endpoint.url)
    for number in range(3):
        assert invoke(client, f"v{number}.tar.gz", VALUES) == expected(VALUES, 1)
    residency = endpoint.residency()
    assert residency.resident == ("v1.tar.gz", "v2.tar.gz")
    assert 90e6 < residency.memory_used < 120 * 2**20


# --- the codec


@pytest.mark.parametrize("datatype", ["BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"])
def test_binary_tensors_of_each_type(datatype: str) -> None:
    from mmebench.server.containers.v2_codec import DTYPES

    array = np.array([[0, 1], [1, 0]]).astype(DTYPES[datatype])
    tensor = {
        "name": "x",
        "shape": [2, 2],
        "datatype": datatype,
        "parameters": {"binary_data_size": array.nbytes},
    }
    header = json.dumps({"inputs": [tensor]}).encode()
    request = decode(header + array.tobytes(), len(header))
    assert request.inputs["x"].dtype == array.dtype
    assert request.inputs["x"].tolist() == array.tolist()
    body, length = encode("m", request.inputs, InferRequest({}, None, True))
    assert body[length:] == array.tobytes()


def test_strings_go_both_ways() -> None:
    tensor: dict[str, Any] = {"name": "x", "shape": [2], "datatype": "BYTES", "data": ["one", "zwölf"]}
    request = decode(json.dumps({"inputs": [tensor]}).encode(), None)
    assert request.inputs["x"].tolist() == [b"one", "zwölf".encode()]
    body, length = encode("m", request.inputs, InferRequest({}, {"x": True}, False))
    assert length is not None
    binary = body[length:]
    assert binary == b"\x03\x00\x00\x00one\x06\x00\x00\x00zw\xc3\xb6lf"
    tensor = {**tensor, "parameters": {"binary_data_size": len(binary)}}
    del tensor["data"]
    header = json.dumps({"inputs": [tensor]}).encode()
    assert decode(header + binary, len(header)).inputs["x"].tolist() == [b"one", "zwölf".encode()]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"inputs": [{"name": "x"}]}',
        b'{"inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [1, 2]}]}',
        b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP99", "data": [1]}]}',
        b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP16", "data": [1]}]}',
        b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": ["word"]}]}',
        b'{"inputs": [{"name": "x", "shape": [9], "datatype": "FP32", "parameters": {"binary_data_size": 36}}]}',
    ],
)
def test_bad_requests_are_refused(body: bytes) -> None:
    with pytest.raises(RequestError):
        decode(body, None)


def test_bytes_that_belong_to_nobody() -> None:
    header = b'{"inputs": []}'
    with pytest.raises(RequestError, match="4 bytes"):
        decode(header + b"1234", len(header))


CONFIG = {
    "max_batch_size": 2,
    "input": [
        {"name": "x", "data_type": "TYPE_FP32", "dims": ["-1", "4"]},
        {"name": "o", "data_type": "TYPE_STRING", "dims": ["1"], "optional": True},
    ],
}


def test_requests_that_fit_the_configuration() -> None:
    check(CONFIG, {"x": np.zeros((2, 7, 4), np.float32)})
    check(CONFIG, {"x": np.zeros((1, 1, 4), np.float32), "o": np.array([[b"s"]], np.object_)})


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"x": np.zeros((3, 7, 4), np.float32)},
        {"x": np.zeros((2, 7, 5), np.float32)},
        {"x": np.zeros((2, 4), np.float32)},
        {"x": np.zeros((2, 7, 4), np.float64)},
        {"x": np.zeros((2, 7, 4), np.float32), "z": np.zeros(1, np.float32)},
    ],
)
def test_requests_that_do_not_fit_the_configuration(inputs: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        check(CONFIG, inputs)
