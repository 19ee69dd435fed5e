"""The KServe v2 protocol as Triton speaks it: control calls, and what inference looks like on the wire."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from mmebench.endpoints.counters import TargetCounters
from mmebench.server.containers.container import (
    ContainerDownError,
    Fault,
    LoadError,
    LoadTimeoutError,
    OutOfMemoryError,
    error_message,
)
from mmebench.server.containers.ensemble import owner
from mmebench.wire.http_client import Address, Answer, call
from mmebench.wire.out_of_memory import says_out_of_memory

BINARY = b"application/vnd.sagemaker-triton.binary+json;json-header-size="
"""SageMaker's content type for tensors as raw bytes behind a JSON header of so many bytes."""

_LOAD_SECONDS = 360
"""As long as SageMaker lets a load go on."""
_POLL_SECONDS = 0.02


def request_line(model: str) -> bytes:
    """The first line of an inference request."""
    return b"POST /v2/models/%b/infer HTTP/1.1\r\n" % model.encode()


def request_headers(headers: Mapping[bytes, bytes]) -> bytes:
    """The v2 headers for SageMaker's; what is not binary is taken for JSON, as Triton's own front does."""
    content_type = headers.get(b"content-type", b"")
    if content_type.startswith(BINARY):
        size = content_type[len(BINARY) :]
        if size.isdigit():
            return b"Content-Type: application/octet-stream\r\nInference-Header-Content-Length: %b\r\n" % size
    return b"Content-Type: application/json\r\n"


def answer_name(model: str) -> bytes:
    """The name of a model in the JSON of an answer, as Triton writes it."""
    return b'"model_name":%b' % json.dumps(model).encode()


def answer_headers(headers: Mapping[bytes, bytes], longer: int) -> bytes:
    """SageMaker's headers for those of a v2 answer whose JSON gets longer by so many bytes."""
    size = headers.get(b"inference-header-content-length")
    if size is None:
        return b"Content-Type: application/json\r\n"
    return b"Content-Type: %b%d\r\n" % (BINARY, int(size) + longer)


def fault(status: int, message: str) -> Fault:
    """What an inference's error means; the texts are those of Triton 2.51."""
    if "is not healthy" in message:
        return Fault.MODEL_DEAD
    if "Request for unknown model" in message:
        return Fault.MODEL_GONE
    if status == 507 or says_out_of_memory(message):
        return Fault.OUT_OF_MEMORY
    return Fault.REQUEST


async def identity(address: Address) -> tuple[str, str]:
    """The server's ``--id`` and its version, once it is ready.

    Raises:
        ConnectionError: it is not.
    """
    if (await call(address, "GET", "/v2/health/ready")).status != 200:
        raise ConnectionRefusedError(f"{address[0]}:{address[1]} is not ready")
    answer = json.loads((await call(address, "GET", "/v2")).body)
    return answer["name"], answer["version"]


async def load(address: Address, model: str) -> None:
    """Load ``model``; one that is loaded stays as it is.

    Raises:
        LoadError: the server refused; OutOfMemoryError when for lack of memory.
        LoadTimeoutError: it has not finished after six minutes.
        ContainerDownError: it does not answer.
    """
    try:
        async with asyncio.timeout(_LOAD_SECONDS):
            answer = await _post(address, f"/v2/repository/models/{model}/load", None)
    except TimeoutError:
        raise LoadTimeoutError(_LOAD_SECONDS) from None
    if answer.status == 200:
        return
    message = error_message(answer.text)
    if answer.status == 507 or says_out_of_memory(message):
        raise OutOfMemoryError(507, message)
    raise LoadError(answer.status, message)


async def begin_unload(address: Address, model: str) -> None:
    """Ask for the unload of ``model`` and its members; Triton answers at once and frees the memory later."""
    body = json.dumps({"parameters": {"unload_dependents": True}}).encode()
    answer = await _post(address, f"/v2/repository/models/{model}/unload", 30, body)
    if answer.status != 200:
        raise LoadError(answer.status, error_message(answer.text))


async def wait_unloaded(address: Address, model: str, seconds: float) -> bool:
    """Whether ``model``, with its members, is UNAVAILABLE, so that its memory is free, within so many seconds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        answer = await _post(address, "/v2/repository/index", 30)
        # Triton has no index for a moment when a model's directory goes while it looks; then ask again.
        if answer.status == 200:
            states = [
                entry.get("state", "UNAVAILABLE")
                for entry in json.loads(answer.body)
                if owner(entry["name"]) == model
            ]
            if all(state == "UNAVAILABLE" for state in states):
                return True
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def counters(address: Address) -> dict[str, TargetCounters]:
    """What the server counted for each loaded model, by the statistics extension; empty without that extension.

    Raises:
        ContainerDownError: it does not answer.
    """
    answer = await _call(address, "GET", "/v2/models/stats", 30)
    if answer.status != 200:
        return {}
    return {entry["name"]: _target_counters(entry) for entry in json.loads(answer.body)["model_stats"]}


def _target_counters(entry: dict[str, Any]) -> TargetCounters:
    stats = entry["inference_stats"]

    def microseconds(part: str) -> int:
        return int(stats[part]["ns"]) // 1000

    return TargetCounters(
        successes=stats["success"]["count"],
        failures=stats["fail"]["count"],
        inferences=entry["inference_count"],
        executions=entry["execution_count"],
        queue_us=microseconds("queue"),
        compute_input_us=microseconds("compute_input"),
        compute_infer_us=microseconds("compute_infer"),
        compute_output_us=microseconds("compute_output"),
    )


async def _post(address: Address, path: str, seconds: float | None, body: bytes = b"") -> Answer:
    return await _call(address, "POST", path, seconds, body)


async def _call(address: Address, method: str, path: str, seconds: float | None, body: bytes = b"") -> Answer:
    try:
        return await asyncio.wait_for(call(address, method, path, body), seconds)
    except TimeoutError as error:
        raise ContainerDownError(f"the container gave no answer to {path} within {seconds:g} s") from error
    except OSError as error:
        raise ContainerDownError(f"the container does not answer: {error}") from error
