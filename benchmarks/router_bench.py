"""What the local endpoint's router adds to Triton: latency, CPU and lost throughput, against an aiohttp proxy.

Triton has one core to itself; wrk and the router share the other. Each case is measured in turns: wrk asks Triton
directly, then through the router, then through the aiohttp proxy. The endpoint's own Triton listens on no
port, and wrk asks nothing else: so another one, of the same files with the same models, stands in for direct ways.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import onnx
import psutil
from onnx import TensorProto, helper

from harness import BUILD, CLIENT, SERVER, Figure, in_turns, on_core, publish, times_better, within
from mmebench.endpoints.local import LocalEndpoint as Endpoint
from mmebench.endpoints.local import start
from mmebench.formats.archive import pack
from mmebench.server.containers.private import private
from mmebench.server.memory.loader import model_id
from mmebench.spec import LocalEndpoint
from mmebench.wire.runtime import RuntimeClient

ROUNDS = 5
SECONDS = 2
SHAPE = (3, 224, 224)
BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="
DIRECT, OURS, AIOHTTP = "Triton itself", "mmebench", "an aiohttp proxy"
THREE = "mmebench, three instances"

_HERE = Path(__file__).parent
_LATENCY = re.compile(r"50%\s+([\d.]+)(us|ms|s)\b")
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_CONFIG = """
backend: "onnxruntime"
max_batch_size: 0
input {{ name: "x" data_type: TYPE_FP32 dims: [{dims}] }}
output {{ name: "y" data_type: TYPE_FP32 dims: [1] }}
instance_group {{ count: 1 kind: KIND_CPU }}
"""


@dataclass(frozen=True)
class Case:
    """One model and the request for it."""

    name: str
    target: str
    body: Path
    json_size: int
    """Bytes of JSON before the binary tensor; 0 where all is JSON."""
    heads: int = 1
    """Requests whose heads differ, in turns: a head that comes again need not be parsed again."""


@dataclass(frozen=True)
class Way:
    """How to reach the model of a case."""

    port: int
    pid: int | None
    """The process in between; None for Triton itself."""


@dataclass(frozen=True)
class Measurement:
    """One run of wrk."""

    p50: float
    """Milliseconds."""
    rate: float
    """Requests per second."""
    cpu: float
    """Microseconds for a request, of the process in between."""


def make_archive(folder: Path, name: str, shape: tuple[int, ...]) -> Path:
    """A model that gives the first number of its input, so that Triton has little to do but to take it in."""
    starts, ends, axes = ([0] * len(shape), [1] * len(shape), list(range(len(shape))))
    constants = [
        helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        for name, values in (("starts", starts), ("ends", ends), ("axes", axes), ("flat", [1]))
    ]
    nodes = [
        helper.make_node("Slice", ["x", "starts", "ends", "axes"], ["first"]),
        helper.make_node("Reshape", ["first", "flat"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    version = folder / name / "1"
    version.mkdir(parents=True)
    onnx.save(model, version / "model.onnx")
    (version.parent / "config.pbtxt").write_text(_CONFIG.format(dims=", ".join(map(str, shape))))
    pack(version.parent, folder / f"{name}.tar.gz")
    return folder / f"{name}.tar.gz"


def make_cases(folder: Path) -> list[Case]:
    """Four numbers as JSON, and an image as binary."""
    small, large = folder / "small.body", folder / "large.body"
    tensor = {"name": "x", "datatype": "FP32", "shape": [4], "data": [1.0, 2.0, 3.0, 4.0]}
    small.write_bytes(json.dumps({"inputs": [tensor]}).encode())
    size = 4 * SHAPE[0] * SHAPE[1] * SHAPE[2]
    image = {"name": "x", "datatype": "FP32", "shape": SHAPE, "parameters": {"binary_data_size": size}}
    header = json.dumps({"inputs": [image]}).encode()
    large.write_bytes(header + bytes(size))
    return [Case("small", "small.tar.gz", small, 0), Case("602 KB", "large.tar.gz", large, len(header))]


def as_boto3(case: Case) -> Case:
    """Each head is new; ours knows a thousand at most."""
    return replace(case, name=f"{case.name}, each head new", heads=4000)


def run_wrk(case: Case, way: Way, connections: int) -> Measurement:
    """Ask for the case over and over."""
    direct = way.pid is None
    binary = "application/octet-stream" if direct else f"{BINARY}{case.json_size}"
    environment = {
        "BENCH_PAYLOAD": str(case.body),
        "BENCH_PATH": f"/v2/models/{model_id(case.target)}/infer" if direct else "/endpoints/local/invocations",
        "BENCH_TARGET": "" if direct else case.target,
        "BENCH_TYPE": binary if case.json_size else "application/json",
        "BENCH_HEADS": str(case.heads),
        "BENCH_JSON_SIZE": str(case.json_size) if direct and case.json_size else "",
    }
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(_HERE / "router.lua")]
    before = cpu_seconds(way.pid)
    with on_core(CLIENT):
        result = subprocess.run(
            [*command, f"http://127.0.0.1:{way.port}"],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
    used = cpu_seconds(way.pid) - before
    requests, latency = re.search(r"(\d+) requests in ([\d.]+)s", result.stdout), _LATENCY.search(result.stdout)
    if not requests or not latency or "Non-2xx" in result.stdout or "Socket errors" in result.stdout:
        raise RuntimeError(f"wrk failed: {result.stdout}")
    count = int(requests[1])
    return Measurement(float(latency[1]) * _UNITS[latency[2]], count / float(requests[2]), used / count * 1e6)


def cpu_seconds(pid: int | None) -> float:
    """What all threads of a process have used, by the scheduler's own clock."""
    if pid is None:
        return 0.0
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def move(pid: int, core: int) -> None:
    """Bind all threads of a process to a core."""
    which = sorted(os.sched_getaffinity(0))[core]
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {which})


@contextmanager
def servers(folder: Path, cases: list[Case]) -> Iterator[dict[str, Way]]:
    """Triton, our endpoint before it, and the aiohttp proxy before it as well."""
    archives = [
        make_archive(folder, case.target.removesuffix(".tar.gz"), shape)
        for case, shape in zip(cases, ((4,), SHAPE), strict=True)
    ]
    with (
        our_endpoint(folder / "one", cases, archives, 1) as endpoint,
        our_endpoint(folder / "three", cases, archives, 3) as three,
    ):
        (triton,) = psutil.Process(endpoint.pid).children()
        with listening_triton(triton, cases) as other:
            for process in (other.process, *other.process.children()):
                move(process.pid, SERVER)
            with aiohttp_proxy(other.port, cases) as proxy:
                yield {
                    DIRECT: Way(other.port, None),
                    OURS: Way(int(endpoint.url.rpartition(":")[2]), endpoint.pid),
                    THREE: Way(int(three.url.rpartition(":")[2]), three.pid),
                    AIOHTTP: proxy,
                }


@contextmanager
def our_endpoint(folder: Path, cases: list[Case], archives: list[Path], instances: int) -> Iterator[Endpoint]:
    """An endpoint of so many instances, on the client's core; what it runs is on the other."""
    (folder / "store").mkdir(parents=True)
    spec = LocalEndpoint(container="triton", instances=instances)
    with start(spec, folder / "store", folder / "serve.log") as endpoint:
        client = RuntimeClient(endpoint)
        for case, archive in zip(cases, archives, strict=True):
            endpoint.add_targets(archive, [case.target])
            content_type = f"{BINARY}{case.json_size}" if case.json_size else "application/json"
            client.invoke(case.target, case.body.read_bytes(), content_type)
        client.close()
        move(endpoint.pid, CLIENT)
        for process in psutil.Process(endpoint.pid).children(recursive=True):
            move(process.pid, SERVER)
        yield endpoint


@dataclass(frozen=True)
class ListeningTriton:
    """One that wrk can ask."""

    process: psutil.Process
    port: int


@contextmanager
def listening_triton(like: psutil.Process, cases: list[Case]) -> Iterator[ListeningTriton]:
    """Another Triton of the same files, on a port."""
    port = free_port()
    command = [part for part in like.cmdline() if not part.startswith(("--http", "--grpc"))]
    command += ["--http-address=127.0.0.1", f"--http-port={port}", "--allow-grpc=false"]
    quiet = subprocess.DEVNULL
    # Its shared memory bears the endpoint's name, and is removed with that.
    process = subprocess.Popen(private(command), env=like.environ(), stdout=quiet, stderr=quiet)
    try:
        wait_for(port)
        for case in cases:
            load = f"/v2/repository/models/{model_id(case.target)}/load"
            urllib.request.urlopen(f"http://127.0.0.1:{port}{load}", data=b"", timeout=60).close()
        yield ListeningTriton(psutil.Process(process.pid), port)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def aiohttp_proxy(triton_port: int, cases: list[Case]) -> Iterator[Way]:
    """In front of that."""
    port = free_port()
    models = [f"{case.target}={model_id(case.target)}" for case in cases]
    with on_core(CLIENT):
        proxy = subprocess.Popen(
            [sys.executable, _HERE / "aiohttp_proxy.py", str(port), str(triton_port), *models],
            stderr=subprocess.DEVNULL,  # it complains whenever wrk leaves
        )
    try:
        wait_for(port)
        yield Way(port, proxy.pid)
    finally:
        proxy.terminate()
        proxy.wait(timeout=10)


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until somebody listens."""
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"nobody listens on port {port}")


def measure(case: Case, ways: dict[str, Way], connections: int) -> dict[str, list[Measurement]]:
    """Each way in turns; what was measured in each round."""
    found: dict[str, list[Measurement]] = {name: [] for name in ways}

    def turn(name: str) -> Callable[[], float]:
        def run() -> float:
            found[name].append(run_wrk(case, ways[name], connections))
            return found[name][-1].p50

        return run

    in_turns(ROUNDS, {name: turn(name) for name in ways})
    return found


def alone(case: Case, runs: dict[str, list[Measurement]], limit: float) -> list[Figure]:
    """Latency that the router adds when there is one request at a time."""

    def added(name: str) -> list[float]:
        return [through.p50 - direct.p50 for through, direct in zip(runs[name], runs[DIRECT], strict=True)]

    figure, ours = f"latency added at p50, {case.name}, 1 connection", added(OURS)
    three = [more.p50 - one.p50 for more, one in zip(runs[THREE], runs[OURS], strict=True)]
    return [
        within(f"latency added by three instances, {case.name}, 1 connection", "ms", three, OURS, 0.03),
        within(figure, "ms", ours, f"{DIRECT}, {median(run.p50 for run in runs[DIRECT]):.2f} ms", limit),
        times_better(figure, "ms", ours, AIOHTTP, added(AIOHTTP), None, float),
    ]


def crowded(case: Case, runs: dict[str, list[Measurement]], cpu_limit: float | None) -> list[Figure]:
    """Throughput and CPU with eight requests at a time."""
    figure = f"CPU of the router for a request, {case.name}, 8 connections"
    ours, theirs = ([run.cpu for run in runs[name]] for name in (OURS, AIOHTTP))
    rates = {name: [run.rate for run in runs[name]] for name in runs}
    lines = [times_better(figure, "us", ours, AIOHTTP, theirs, None, float)]
    if cpu_limit is not None:
        lines.append(within(figure, "us", ours, "a limit", cpu_limit))
    figure = f"requests per second, {case.name}, 8 connections"
    for name, reach in ((DIRECT, 0.95), (AIOHTTP, None)):
        ratio = median(rates[OURS]) / median(rates[name])
        asked = "" if reach is None else f">= {reach:g}x"
        shown = {"ours": rates[OURS], name: rates[name]}
        lines.append(Figure(figure, median(rates[OURS]), "1/s", name, ratio, asked, ratio >= (reach or 0), shown))
    return lines


def main() -> None:
    """Both cases, alone and crowded."""
    BUILD.mkdir(exist_ok=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        small, large = cases = make_cases(folder)
        with servers(folder, cases) as ways:
            figures += alone(small, measure(small, ways, 1), 0.06)
            figures += crowded(small, measure(small, ways, 8), 45)
            figures += crowded(as_boto3(small), measure(as_boto3(small), ways, 8), None)
            figures += alone(large, measure(large, ways, 1), 0.2)
            figures += crowded(large, measure(large, ways, 8), None)
    publish("router", figures)


if __name__ == "__main__":
    main()
