"""Copies of a model on a real GPU: what each takes by nvidia-smi, whether answers are right, and the edge.

``python benchmarks/gpu/copies.py ARCHIVE RESULT.json [--copies N] [--leave GIB] [--seconds S]``

A copy after another is invoked; after each, what the endpoint says its targets take is compared with the sum that
nvidia-smi has for their processes. With ``--leave`` a process of its own first takes all of the GPU but so much,
so that the edge of the memory comes within few copies: then more are invoked, and no answer may be lost or wrong.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.formats.archive import unpack
from mmebench.formats.triton_config import ModelConfig, read
from mmebench.spec.endpoints import LocalEndpoint as Spec
from mmebench.wire.runtime import InvocationError, RuntimeClient

_TYPES: dict[int, tuple[str, Any]] = {9: ("INT64", np.int64), 8: ("INT32", np.int32), 11: ("FP32", np.float32)}
_LENGTH = 128
_BALLAST = """
import sys, torch
free, _ = torch.cuda.mem_get_info()
kept = torch.empty(max(0, free - int(sys.argv[1])), dtype=torch.uint8, device="cuda")
print("ready", flush=True)
sys.stdin.read()
"""


def main() -> None:
    """Measure, and write what was found even if it is only a part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--copies", type=int, default=300)
    parser.add_argument("--memory", help="the endpoint's budget; without, all that is free")
    parser.add_argument("--leave", type=float, help="GiB of the GPU that are left free")
    parser.add_argument("--seconds", type=float, default=90, help="no further copy after this time")
    asked = parser.parse_args()
    found: dict[str, Any] = {"archive": asked.archive.name, "leave_gib": asked.leave}
    ballast = None
    if asked.leave is not None:
        command = [sys.executable, "-c", _BALLAST, str(int(asked.leave * 2**30))]
        ballast = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert ballast.stdout is not None
        ballast.stdout.readline()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            store = Path(scratch, "store")
            store.mkdir()
            spec = Spec.model_validate(
                {"container": "triton"} | ({"memory": asked.memory} if asked.memory else {})
            )
            with start(spec, store, asked.result.with_suffix(".log")) as endpoint:
                found["instance_type"], found["container"] = endpoint.instance_type, endpoint.container
                _fill(endpoint, asked, Path(scratch), found)
    finally:
        if ballast is not None:
            ballast.communicate()
        asked.result.write_text(json.dumps(found, indent=1))
    print(json.dumps({key: value for key, value in found.items() if key != "copies"}))


def _fill(endpoint: LocalEndpoint, asked: argparse.Namespace, scratch: Path, found: dict[str, Any]) -> None:
    model = unpack(asked.archive, scratch / "model", 2**40)
    body, content_type = _request(read(model / "config.pbtxt", "config.pbtxt"))
    expected = _on_cpu(model, body, content_type)
    client = RuntimeClient(endpoint)
    deadline = time.monotonic() + asked.seconds
    copies: list[dict[str, Any]] = []
    errors: list[str] = []
    found |= {"copies": copies, "errors": errors, "wrong": 0, "furthest_from_cpu": 0.0}
    names: list[str] = []
    budget = endpoint.residency().memory_budget
    found["memory_budget"] = budget
    edge: int | None = None
    while len(names) < asked.copies and time.monotonic() < deadline:
        if edge is not None and len(names) >= edge + 5:
            break
        names.append(f"copy-{len(names)}.tar.gz")
        endpoint.add_targets(asked.archive, names[-1:])
        started = time.perf_counter()
        _check(client, names[-1], body, content_type, expected, found)
        seconds = time.perf_counter() - started
        said = endpoint.measure()
        seen = _by_nvidia_smi(endpoint.pid)
        copies.append({
            "seconds": round(seconds, 3), "resident": len(said.resident), "evictions": said.evictions,
            "memory": said.memory_used, "nvidia_smi": seen, "host_memory": said.host_memory_used,
        })  # fmt: skip
        if said.evictions and edge is None:
            edge = len(names)
            found["fits"] = edge - 1
    for name in names:  # each once more: those that are gone come back
        if time.monotonic() < deadline + 60:
            _check(client, name, body, content_type, expected, found)
    found["loads"], found["evictions"] = endpoint.residency().loads, endpoint.residency().evictions
    shares = [each["memory"] / each["nvidia_smi"] - 1 for each in copies if each["nvidia_smi"]]
    found["furthest_from_nvidia_smi"] = max(map(abs, shares), default=None)
    full = [each for each in copies if not each["evictions"]]
    if len(full) > 1:
        grown = np.diff([each["memory"] for each in full])
        found["bytes_per_copy"] = float(np.median(grown))
        found["nvidia_smi_per_copy"] = float(np.median(np.diff([each["nvidia_smi"] for each in full])))
        found["host_bytes_per_copy"] = float(np.median(np.diff([each["host_memory"] for each in full])))
        found["seconds_per_load"] = float(np.median([each["seconds"] for each in full]))


def _check(
    client: RuntimeClient,
    name: str,
    body: bytes,
    content_type: str,
    expected: NDArray[np.float32],
    found: dict[str, Any],
) -> None:
    try:
        answer = _output(*client.invoke(name, body, content_type))
    except InvocationError as error:
        found["errors"].append(f"{name}: {error}")
        return
    distance = float(np.max(np.abs(answer - expected)) / max(1e-6, float(np.max(np.abs(expected)))))
    found["furthest_from_cpu"] = max(found["furthest_from_cpu"], distance)
    found["wrong"] += answer.shape != expected.shape or distance > 0.02


def _request(config: ModelConfig) -> tuple[bytes, str]:
    """One row of what the model takes."""
    random = np.random.default_rng(0)
    inputs = []
    for tensor in config.input:
        name, kind = _TYPES[tensor.data_type]
        shape = [1, *(size if size > 0 else _LENGTH for size in tensor.dims)]
        values = random.standard_normal(shape) if name == "FP32" else np.ones(shape)
        given = InferInput(tensor.name, shape, name)
        given.set_data_from_numpy(values.astype(kind))
        inputs.append(given)
    wanted = [InferRequestedOutput(config.output[0].name)]
    body, length = InferenceServerClient.generate_request_body(inputs, outputs=wanted)
    return body, f"application/vnd.sagemaker-triton.binary+json;json-header-size={length}"


def _output(body: bytes, content_type: str) -> NDArray[np.float32]:
    length = int(content_type.rpartition("=")[2])
    result = InferenceServerClient.parse_response_body(body, header_length=length)
    return np.asarray(result.as_numpy(result.get_response()["outputs"][0]["name"]), np.float32)


def _on_cpu(model: Path, body: bytes, content_type: str) -> NDArray[np.float32]:
    """What the model answers on a CPU, in an endpoint of its own."""
    with tempfile.TemporaryDirectory() as store:
        archive = Path(store, "model.tar.gz")
        subprocess.run(["tar", "-czf", archive, "-C", model, "."], check=True)
        with start(Spec(container="triton", devices=()), Path(store), Path(store, "log")) as endpoint:
            return _output(*RuntimeClient(endpoint).invoke("model.tar.gz", body, content_type))


def _by_nvidia_smi(pid: int) -> int:
    """Bytes of the GPU that nvidia-smi has for the processes of models below this one."""
    stubs = {child.pid for triton in psutil.Process(pid).children() for child in triton.children(recursive=True)}
    command = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    pairs = [line.split(",") for line in rows if line.strip()]
    return sum(int(memory) for process, memory in pairs if int(process) in stubs) * 2**20


if __name__ == "__main__":
    main()
