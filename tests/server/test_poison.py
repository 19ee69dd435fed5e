"""Requests of which one would end the container for everybody, and what is wrong for one client alone."""

import json
import struct
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from mmebench.endpoints.local import LocalEndpoint
from mmebench.server.containers import v2_request
from mmebench.server.containers.v2_request import flaw
from support.invocations import BINARY, invoke, json_body, runtime_client
from support.patience import wait_until
from support.serving import Serve
from support.tiny_models import expected, onnx_archive, python_archive

ROWS = [[1.0, 2.0, 3.0, 4.0]]
FOUR = np.arange(4, dtype=np.float32).tobytes()


def tensor(*, shape: tuple[Any, ...] = (1, 4), datatype: str = "FP32", **more: Any) -> dict[str, Any]:
    return {"name": "x", "shape": shape, "datatype": datatype} | more


def as_json(*inputs: dict[str, Any], **more: Any) -> tuple[bytes, str]:
    return json.dumps({"inputs": inputs} | more).encode(), "application/json"


def as_binary(content: bytes, *inputs: dict[str, Any]) -> tuple[bytes, str]:
    header = json.dumps({"inputs": inputs}).encode()
    return header + content, f"{BINARY}{len(header)}"


def sized(count: int, **more: Any) -> dict[str, Any]:
    return tensor(parameters={"binary_data_size": count}, **more)


def raw(text: bytes) -> tuple[bytes, str]:
    return text, "application/json"


def strings(*lengths: int) -> bytes:
    """Two strings that say that they are so long."""
    return b"".join(
        struct.pack("<I", length) + content for length, content in zip(lengths, (b"a", b"bc"), strict=True)
    )


DATA = [1.0, 2.0, 3.0, 4.0]
DEEP = 60_000
POISON = {
    "a shape of 128 GiB": as_json(tensor(shape=(2**31, 4), data=DATA)),
    "of 8 GiB": as_json(tensor(shape=(2**29, 4), data=DATA)),
    "of more than 64 bits": as_json(tensor(shape=(2**62, 8), data=DATA)),
    "binary": as_binary(FOUR, sized(16, shape=(2**31, 4))),
    "strings": as_binary(strings(1, 2), sized(11, shape=(2**31,), datatype="BYTES")),
    "an escaped name": raw(b'{"inputs":[{"name":"x","\\u0073hape":[2147483648,4],"datatype":"FP32","data":[1]}]}'),
    "a field that comes twice": raw(
        b'{"inputs":[{"name":"x","shape":[2147483648,4],"shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'
    ),
    "inputs that come twice": raw(
        b'{"inputs":[{"name":"x","shape":[2147483648,4],"datatype":"FP32","data":[1]}],'
        b'"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'
    ),
    "an escaped name before another": raw(
        b'{"inputs":[{"name":"x","\\u0073hape":[2147483648,4],"shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'
    ),
    "a classification": as_json(tensor(data=DATA), outputs=[{"name": "y", "parameters": {"classification": 2}}]),
    "beside what only a slow parser takes": raw(
        b'{"inputs":[{"name":"x","shape":[2147483648,4],"datatype":"FP32","data":[NaN]}]}'
    ),
    "of a long list": as_json(tensor(shape=(2**31, 4), data=[0.5] * 5000)),
    "beside a long list": as_json(tensor(data=[0.5] * 5000), tensor(shape=(2**31, 4), data=DATA)),
    "long by blanks": raw(
        b'{"inputs":[{"name":"x","shape":[2147483648,4' + b" " * 5000 + b'],"datatype":"FP32","data":[1,2,3,4]}]}'
    ),
    "of many, each as large as the request": as_json(*[tensor(shape=(6000,), data=[0.5] * 5000)] * 3),
    "a long list in a long list": raw(
        b'{"inputs":[{"name":"x","shape":[1,4],"data":[' + b"1," * 5000 + b"[" * DEEP + b"]" * DEEP + b"]}]}"
    ),
    "nested data": raw(b'{"inputs":[{"name":"x","shape":[1,4],"data":' + b"[" * DEEP + b"]" * DEEP + b"}]}"),
    "nested parameters": raw(b'{"parameters":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b',"inputs":[]}'),
    "a name of a megabyte": as_json(tensor(data=DATA) | {"name": "x" * 2**20}),
    "200,000 inputs": as_json(*[tensor(data=DATA)] * 200_000),
    "200,000 outputs": as_json(tensor(data=DATA), outputs=[{"name": "y"}] * 200_000),
}
WRONG = {
    "a shape below zero": as_json(tensor(shape=(-1, 4), data=DATA)),
    "a shape of halves": as_json(tensor(shape=(0.5, 8), data=DATA)),
    "no rows": as_json(tensor(shape=(0, 4), data=[])),
    "no rows, binary": as_binary(b"", sized(0, shape=(0, 4))),
    "too much data": as_json(tensor(data=[*DATA, 5.0])),
    "too little data": as_json(tensor(data=DATA[:3])),
    "text for numbers": as_json(tensor(data=["1", "2", "3", "4"])),
    "nothing for a number": as_json(tensor(data=[1, None, 3, 4])),
    "FP16 in JSON": as_json(tensor(datatype="FP16", data=DATA)),
    "bytes that do not fill the shape": as_binary(FOUR[:8], sized(8)),
    "fewer bytes than it says": as_binary(FOUR[:8], sized(16)),
    "more bytes than it says": as_binary(FOUR + FOUR, sized(16)),
    "a size below zero": as_binary(FOUR, sized(-16)),
    "data and bytes": as_binary(FOUR, sized(16, data=DATA)),
    "neither": as_json(tensor()),
    "a header beyond the body": (json_body(ROWS), f"{BINARY}5000"),
    "a header of less than nothing": (json_body(ROWS), f"{BINARY}-3"),
    "no JSON": raw(b"hello"),
    "nothing": raw(b""),
    "no inputs": raw(b"{}"),
    "inputs of numbers": raw(b'{"inputs":[1,2]}'),
    "an id of numbers": as_json(tensor(data=DATA), id=42),
    "no id": as_json(tensor(data=DATA), id=None),
    "parameters in a list": as_json(tensor(data=DATA), parameters=[1]),
    "no parameters": as_json(tensor(data=DATA), parameters=None),
    "a parameter of parameters": as_json(tensor(data=DATA), parameters={"a": {"b": 1}}),
    "a parameter of nothing": as_json(tensor(data=DATA), parameters={"a": None}),
    "Triton's own parameter": as_json(tensor(data=DATA), parameters={"triton_a": "b"}),
    "binary output, perhaps": as_json(tensor(data=DATA), parameters={"binary_data_output": 1}),
    "one binary output, perhaps": as_json(
        tensor(data=DATA), outputs=[{"name": "y", "parameters": {"binary_data": "true"}}]
    ),
    "a priority below zero": as_json(tensor(data=DATA), parameters={"priority": -1}),
    "a timeout in words": as_json(tensor(data=DATA), parameters={"timeout": "soon"}),
    "half a sequence": as_json(tensor(data=DATA), parameters={"sequence_id": 1.5}),
    "a number too big": raw(b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1e400,2,3,4]}]}'),
    "an input that comes twice": as_json(tensor(data=DATA), tensor(data=DATA)),
    "bytes of less than a row": (FOUR[:12], f"{BINARY}0"),
    "bytes of two rows": (FOUR + FOUR, f"{BINARY}0"),
    "something behind": raw(json_body(ROWS) + b"x"),
}


def refusal(endpoint: LocalEndpoint, target: str, body: bytes, content_type: str) -> tuple[str, int]:
    """The error and the status that the container is said to have given."""
    with pytest.raises(ClientError) as caught:
        runtime_client(endpoint.url).invoke_endpoint(
            EndpointName="local", TargetModel=target, ContentType=content_type, Body=body
        )
    assert len(caught.value.response["OriginalMessage"]) < 1000, "it does not give all of the request back"
    return caught.value.response["Error"]["Code"], int(caught.value.response["OriginalStatusCode"])


@pytest.mark.parametrize("case", POISON)
def test_poison_is_kept_away(either: LocalEndpoint, case: str) -> None:
    assert refusal(either, "onnx.tar.gz", *POISON[case]) == ("ModelError", 400)
    assert deaths(either) == 0
    assert invoke(runtime_client(either.url), "onnx.tar.gz", ROWS) == expected(ROWS, 1)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_by_either_container(either: LocalEndpoint, case: str) -> None:
    assert refusal(either, "half.tar.gz" if "FP16" in case else "onnx.tar.gz", *WRONG[case]) == ("ModelError", 400)


@pytest.mark.parametrize(
    ("request_body", "answered"),
    [
        (as_json(tensor(data=DATA), id='zwölf "x"'), {"id": 'zwölf "x"'}),
        (as_json(tensor(data=DATA), id=""), {}),
        (
            as_json(tensor(data=DATA), parameters={"a": "b", "n": 3, "f": 1.5, "t": True, "sequence_id": "five"}),
            {},
        ),
        (as_json(tensor(data=DATA), outputs=[{"name": "y"}] * 2), {}),
        ((np.array(DATA, np.float32).tobytes(), f"{BINARY}0"), {}),
    ],
    ids=range(5),
)
def test_either_container_answers_the_same(
    either: LocalEndpoint, request_body: tuple[bytes, str], answered: dict[str, str]
) -> None:
    body, content_type = request_body
    answer = runtime_client(either.url).invoke_endpoint(
        EndpointName="local", TargetModel="onnx.tar.gz", ContentType=content_type, Body=body
    )
    content = answer["Body"].read()
    size = answer["ContentType"].removeprefix(BINARY)
    said = json.loads(content[: int(size)] if size.isdigit() else content)
    (output,) = said.pop("outputs")
    assert said == answered | {"model_name": "onnx.tar.gz", "model_version": "1"}
    values = output.get("data") or np.frombuffer(content[int(size) :], np.float32).tolist()
    assert [values] == expected([DATA], 1)


TWO_INPUTS = """
backend: "python"
max_batch_size: 8
input [{ name: "a" data_type: TYPE_FP32 dims: 4 }, { name: "b" data_type: TYPE_STRING dims: 2 }]
output { name: "y" data_type: TYPE_FP32 dims: 4 }
"""
ANY_MODEL = """
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        arrays = [pb_utils.get_input_tensor_by_name(request, "a").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", array)]) for array in arrays]
"""


def test_batches_and_strings_of_two_inputs(either: LocalEndpoint, tmp_path: Path) -> None:
    either.add_targets(python_archive(tmp_path / "two.tar.gz", ANY_MODEL, TWO_INPUTS), ["two.tar.gz"])
    text = sized(11, shape=(1, 2), datatype="BYTES") | {"name": "b"}

    def body(rows: int, lengths: tuple[int, int]) -> tuple[bytes, str]:
        return as_binary(FOUR * rows + strings(*lengths), sized(16 * rows, shape=(rows, 4)) | {"name": "a"}, text)

    client = runtime_client(either.url)
    good, content_type = body(1, (1, 2))
    client.invoke_endpoint(EndpointName="local", TargetModel="two.tar.gz", ContentType=content_type, Body=good)
    assert refusal(either, "two.tar.gz", *body(2, (1, 2))) == ("ModelError", 400)
    assert refusal(either, "two.tar.gz", *body(1, (1, 2**32 - 1))) == ("ModelError", 400)


@pytest.mark.parametrize(
    "request_body",
    [
        as_json(tensor(data=[DATA])),
        raw(b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[NaN,Infinity,-Infinity,1e3]}]}'),
        raw(b'{"id":"a \\"name\\" \\u00fc","inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]}'),
        raw(b'{"id":"\xff","inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        as_json(tensor(shape=(2,), datatype="BYTES", data=['a "shape"', "[[[[[[[["])),
        as_json(tensor(shape=(3,), datatype="BYTES", data=["", "", ""])),
        as_json(tensor(shape=(1, 0), data=[])),
        as_json(tensor(shape=(4,), datatype="INT8", data=[1, 2, 3, 4]), parameters={"sequence_id": 5}),
        as_json(tensor(shape=(), data=[1])),
        as_binary(FOUR, sized(16)),
        as_binary(strings(1, 2), sized(11, shape=(2,), datatype="BYTES")),
        as_binary(FOUR, sized(16), tensor(data=DATA) | {"name": "z"}),
        (FOUR, f"{BINARY}0"),
    ],
    ids=range(13),
)
def test_what_is_right_is_let_through(request_body: tuple[bytes, str]) -> None:
    body, content_type = request_body
    headers = {b"content-type": content_type.encode()}
    assert flaw(headers, [body]) is None
    assert flaw(headers, [body[:10], body[10:]]) is None


NUMBERS = st.lists(st.sampled_from(["0", "-2.5e3", "true", "17"]), max_size=3).map(lambda few: [*few, *few * 900])


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=3), st.booleans(), st.integers(0, 40), st.sampled_from('"[]{},x1\\'))
def test_long_lists_change_no_verdict(lists: list[list[str]], nested: bool, place: int, mark: str) -> None:
    """But where what is wrong is in the list: that is for the server to say."""
    inputs = [
        f'{{"name":"x{number}","shape":[{len(numbers)}],"datatype":"FP32","data":'
        + ("[[{}]]" if nested else "[{}]").format(",".join(numbers))
        + "}"
        for number, numbers in enumerate(lists)
    ]
    right = f'{{"inputs":[{",".join(inputs)}]}}'
    spoilt = right[: -place - 1] + mark + right[-place - 1 :]
    for text in (right, right[:place] + mark + right[place:], spoilt):
        body = text.encode()
        short = v2_request._flaw(body, 0)
        with pytest.MonkeyPatch.context() as whole:
            whole.setattr(v2_request, "_LONG_BYTES", 2**30)
            long = v2_request._flaw(body, 0)
        assert (short is None) == (long is None) or (short is None and "failed to parse" in str(long))


DEADLY_MODEL = """
import os, signal
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        arrays = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        if any(array.max() == 666 for array in arrays):
            os.kill(os.getppid(), signal.SIGKILL)
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", array)]) for array in arrays]
"""


def deaths(endpoint: LocalEndpoint) -> int:
    counted = endpoint.counters()
    assert counted is not None
    return counted.container_deaths


def has_died(endpoint: LocalEndpoint, times: int) -> bool:
    return deaths(endpoint) == times


def answers(client: Any, rows: list[list[float]]) -> bool:
    """Whether the container is up again; a model that only copies is asked."""
    try:
        return invoke(client, "deadly.tar.gz", rows) == rows
    except ClientError:
        return False


@pytest.mark.triton
def test_what_ended_the_container_twice_is_passed_on_no_more(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve()
    endpoint.add_targets(python_archive(tmp_path / "deadly.tar.gz", DEADLY_MODEL), ["deadly.tar.gz"])
    endpoint.add_targets(onnx_archive(tmp_path / "other.tar.gz", 1), ["other.tar.gz"])
    client = runtime_client(endpoint.url)
    deadly = [[666.0, 0.0, 0.0, 0.0]]
    for number in (1, 2):
        wait_until(lambda: answers(client, ROWS))
        time.sleep(1.2 * (number - 1))  # a connection that was idle for long may have been closed for that
        with pytest.raises(ClientError, match=r"InternalFailure|ServiceUnavailable"):
            invoke(client, "deadly.tar.gz", deadly)
        wait_until(partial(has_died, endpoint, number))
    wait_until(lambda: answers(client, ROWS))
    assert refusal(endpoint, "deadly.tar.gz", json_body(deadly), "application/json") == ("ModelError", 400)
    assert invoke(client, "deadly.tar.gz", ROWS) == ROWS
    assert invoke(client, "other.tar.gz", ROWS) == expected(ROWS, 1)
    assert deaths(endpoint) == 2
    with urllib.request.urlopen(f"{endpoint.url}/metrics") as metrics:
        assert b"mmebench_convicted_requests 1.0" in metrics.read()
    assert "was under way at 2 deaths of the container" in (tmp_path / "serve-0.log").read_text()


@pytest.mark.triton
@pytest.mark.parametrize(
    "said", ["out of memory", "is not healthy", "Request for unknown model", "out \\u006ff memory"]
)
def test_nobody_has_a_target_unloaded_by_what_a_tensor_is_called(endpoint: LocalEndpoint, said: str) -> None:
    client = runtime_client(endpoint.url)
    for target in ("onnx.tar.gz", "pt.tar.gz"):
        invoke(client, target, ROWS, name="x" if target == "onnx.tar.gz" else "INPUT__0")
    before = endpoint.residency()
    text = b'{"id":"%b","inputs":[{"name":"%b","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'
    body = text % (said.encode(), said.encode())
    assert refusal(endpoint, "onnx.tar.gz", body, "application/json") == ("ModelError", 400)
    after = endpoint.residency()
    assert (after.loads, after.evictions) == (before.loads, before.evictions)
