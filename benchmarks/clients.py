"""The clients that are compared: ours, boto3 in Locust, and wrk. Each is started the way its users start it."""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness import BUILD, CLIENT, on_core
from mmebench.load.asked_kind import AskedKind
from mmebench.load.job import LoadJob
from mmebench.load.processes.events import Live
from mmebench.load.processes.process import offer_load
from mmebench.record.run import StageWindow
from mmebench.spec import Arrivals, ClosedLoop, Payload, Profile, Stage, Workload
from servers import Server

TARGETS = tuple(f"model-v{number}.tar.gz" for number in range(50))

_HERE = Path(__file__).parent
_START_UP_SECONDS = 2
"""Until then a client may still be starting users; figures are taken from there on."""
_KEYS = {"AWS_ACCESS_KEY_ID": "BENCH", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class Observation:
    """A client process as it is at some moment."""

    seconds: float
    """By the clock of this machine."""
    users: int
    requests: int
    cpu: float
    """Seconds, user and system, since it was started."""
    memory: int
    """Resident bytes."""


def payload_file(size: int) -> Path:
    """A body of this many bytes that do not compress."""
    BUILD.mkdir(exist_ok=True)
    path = BUILD / f"payload-{size}.bin"
    if not path.exists() or path.stat().st_size != size:
        path.write_bytes(os.urandom(size))
    return path


def cpu_per_request(observations: list[Observation]) -> float:
    """Microseconds of CPU for each request, start-up left out."""
    first, last = observations[_START_UP_SECONDS], observations[-1]
    return (last.cpu - first.cpu) / (last.requests - first.requests) * 1e6


def run_ours(
    server: Server,
    payload: Path,
    stages: list[Stage],
    arrivals: Arrivals | None = None,
    samples: Path | None = None,
    fleet: Mapping[str, int] | None = None,
) -> tuple[list[Observation], list[StageWindow]]:
    """Our client, by the call that ``mmebench run`` makes; what it was like each second, and its stages.

    Args:
        server: where it sends.
        payload: the body of each request.
        stages: the profile.
        arrivals: a closed loop without think time unless told.
        samples: where samples go, as an Arrow stream; nowhere that lasts unless told.
        fleet: targets of each kind of model, each with an equal share of the requests; one kind with
            :data:`TARGETS` unless told.
    """
    observations: list[Observation] = []
    windows: list[StageWindow] = []
    process: psutil.Process | None = None
    requests = 0
    allowed = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as scratch, on_core(CLIENT):
        workload = Workload(
            payload=Payload(file=payload),
            arrivals=arrivals or ClosedLoop(),
            profile=Profile(stages=tuple(stages)),
        )
        job = LoadJob(
            url=server.url,
            endpoint_name="bench",
            region="us-east-1",
            kinds=_kinds(workload, fleet),
            workload=workload,
            ca=server.ca,
            samples=samples or Path(scratch, "samples.arrows"),
        )

        def look(live: Live) -> Live:
            nonlocal process, requests
            if process is None:  # it has started; we get out of its way
                (process,) = (
                    child
                    for child in psutil.Process().children()
                    if any("locustfile.py" in word for word in child.cmdline())
                )
                os.sched_setaffinity(0, allowed)
            assert live.failures == 0, f"{live.failures} requests failed"
            requests += live.successes
            observations.append(_observe(process, live.users, requests))
            return live

        offer_load(job, Path(scratch, "bench"), Path(scratch, "load.log"), look, windows.append)
    return observations, windows


def _kinds(workload: Workload, fleet: Mapping[str, int] | None) -> tuple[AskedKind, ...]:
    if fleet is None:
        return (AskedKind.only(workload, TARGETS),)
    return tuple(
        AskedKind.only(workload, [f"{name}-v{number}.tar.gz" for number in range(count)], name=name).model_copy(
            update={"requests": 1 / len(fleet)}
        )
        for name, count in fleet.items()
    )


def run_boto3(
    server: Server,
    payload: Path,
    stages: list[tuple[int, float]],
    read_body: bool = True,
    think_time: float = 0.0,
    enough: float = math.inf,
) -> list[Observation]:
    """boto3 in a Locust user.

    Args:
        server: where it sends.
        payload: the body of each request.
        stages: users, and the seconds that they stay.
        read_body: the answer's body is read, so that its connection is kept; many examples leave it unread.
        think_time: seconds between an answer and the user's next request.
        enough: end after so many requests, before the stages are over.
    """
    settings = {
        "BENCH_URL": server.url,
        "BENCH_CA": str(server.ca or ""),
        "BENCH_PAYLOAD": str(payload),
        "BENCH_TARGETS": json.dumps(TARGETS),
        "BENCH_READ_BODY": "yes" if read_body else "no",
        "BENCH_STAGES": json.dumps(stages),
        "BENCH_THINK_TIME": str(think_time),
    }
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(_HERE / "boto3_locustfile.py"),
        "--headless",
        "--only-summary",
    ]
    with on_core(CLIENT), tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=os.environ | _KEYS | settings, stdout=subprocess.PIPE, stderr=log)
        try:
            observations = []
            for observation in _observe_lines(process):
                observations.append(observation)
                if observation.requests >= enough:
                    break
            return observations
        finally:
            process.terminate()
            process.wait(timeout=30)


def _observe_lines(process: "subprocess.Popen[bytes]") -> Iterator[Observation]:
    watched = psutil.Process(process.pid)
    assert process.stdout is not None
    for line in process.stdout:
        if not line.startswith(b"{"):
            continue
        told = json.loads(line)
        assert told["failures"] == 0, f"{told['failures']} requests failed"
        yield _observe(watched, told["users"], told["requests"])


def _observe(process: psutil.Process, users: int, requests: int) -> Observation:
    with process.oneshot():
        cpu = process.cpu_times()
        return Observation(time.monotonic(), users, requests, cpu.user + cpu.system, process.memory_info().rss)


def run_bare(server: Server, payload: Path, connections: int, seconds: int) -> float:
    """Microseconds of CPU for each request of a loop that does nothing but send and receive."""
    command = [sys.executable, str(_HERE / "bare_loop.py"), server.url, str(payload)]
    command += ["--connections", str(connections), "--seconds", str(seconds)]
    command += ["--ca", str(server.ca)] if server.ca else []
    with on_core(CLIENT):
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return float(json.loads(done.stdout))


def run_wrk(server: Server, payload: Path, connections: int, seconds: int) -> float:
    """Microseconds of wrk's CPU for each request; its start-up, a few milliseconds, is in it."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_HERE / "wrk.lua"), server.url]
    with on_core(CLIENT):
        process = subprocess.Popen(
            command, env=os.environ | {"BENCH_PAYLOAD": str(payload)}, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    requests = re.search(r"(\d+) requests in", output)
    if process.returncode or not requests or "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"wrk failed: {output}")
    return (usage.ru_utime + usage.ru_stime) / int(requests[1]) * 1e6
