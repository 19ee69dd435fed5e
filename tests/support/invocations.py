"""Invocations by plain boto3, and tensors as its bodies."""

import json
from typing import Any

import boto3
import numpy as np
from botocore.config import Config
from numpy.typing import NDArray

BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="


def runtime_client(url: str) -> Any:
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name="local",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=70),
    )
    # botocore makes the classes of its exceptions when they are first looked at. Two threads that look at once get
    # two sets, and what one raises is none of the other's.
    assert client.exceptions
    return client


def json_body(values: list[list[float]], name: str = "x") -> bytes:
    shape = [len(values), len(values[0])]
    return json.dumps({"inputs": [{"name": name, "shape": shape, "datatype": "FP32", "data": values}]}).encode()


def binary_body(array: NDArray[Any], name: str = "x") -> tuple[bytes, str]:
    datatype = {"float32": "FP32", "float16": "FP16"}[array.dtype.name]
    tensor = {
        "name": name,
        "shape": list(array.shape),
        "datatype": datatype,
        "parameters": {"binary_data_size": array.nbytes},
    }
    header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return header + array.tobytes(), f"{BINARY}{len(header)}"


def binary_output(body: bytes, content_type: str) -> NDArray[Any]:
    """The one output of a binary answer."""
    assert content_type.startswith(BINARY)
    size = int(content_type.removeprefix(BINARY))
    (output,) = json.loads(body[:size])["outputs"]
    dtype = {"FP32": np.float32, "FP16": np.float16}[output["datatype"]]
    assert output["parameters"]["binary_data_size"] == len(body) - size
    return np.frombuffer(body[size:], dtype).reshape(output["shape"])


def ask(client: Any, target: str, **inputs: tuple[str, list[int], list[Any]]) -> dict[str, list[Any]]:
    """The flat values of each output over JSON; an input is its datatype, its shape and its flat values."""
    tensors = [
        {"name": name, "datatype": datatype, "shape": shape, "data": values}
        for name, (datatype, shape, values) in inputs.items()
    ]
    answer = client.invoke_endpoint(
        EndpointName="local",
        TargetModel=target,
        ContentType="application/json",
        Body=json.dumps({"inputs": tensors}),
    )
    return {output["name"]: output["data"] for output in json.loads(answer["Body"].read())["outputs"]}


def invoke(client: Any, target: str, values: list[list[float]], name: str = "x") -> list[list[float]]:
    """The answer of a model with one input and one output, over JSON."""
    answer = client.invoke_endpoint(
        EndpointName="local", TargetModel=target, ContentType="application/json", Body=json_body(values, name)
    )
    (output,) = json.loads(answer["Body"].read())["outputs"]
    rows: list[list[float]] = np.array(output["data"]).reshape(output["shape"]).tolist()
    return rows
