"""The locustfile as a person starts it: with the web UI, or as conductor and workers of one load."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmebench.load.processes
from mmebench.record.samples import keep_samples, read_samples
from support.load_run import make_job
from support.scripted_server import OK, ScriptedServer

pytestmark = pytest.mark.slow


@contextmanager
def locust(job: Path, *options: str) -> "Iterator[subprocess.Popen[bytes]]":
    """Started as ``locust -f …/load/locustfile.py`` with the job in the environment, and stopped at the end."""
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(Path(mmebench.load.processes.__path__[0], "locustfile.py")),
        *options,
    ]
    process = subprocess.Popen(
        command,
        env=os.environ | {"MMEBENCH_JOB": str(job)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=100)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def write_job(tmp_path: Path, port: int, workload: dict[str, Any], name: str = "job") -> Path:
    job = tmp_path / f"{name}.json"
    job.write_text(make_job(port, tmp_path / f"{name}.arrows", workload).model_dump_json())
    return job


def ask(url: str, data: dict[str, str] | None = None) -> Any:
    body = urllib.parse.urlencode(data).encode() if data else None
    with urllib.request.urlopen(url, body, timeout=5) as answer:
        return json.load(answer)


def wait_until_answers(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


def test_the_web_ui_starts_the_stages_and_starts_them_again(tmp_path: Path) -> None:
    port = free_port()
    ui = f"http://127.0.0.1:{port}"
    with ScriptedServer(lambda n: (0.01, OK)) as server:
        job = write_job(tmp_path, server.port, {"profile": {"stages": [{"users": 2, "duration": 2}]}})
        with locust(job, "--web-host", "127.0.0.1", "--web-port", port):
            wait_until_answers(ui)
            for _ in range(2):
                before = len(server.requests)
                assert ask(f"{ui}/swarm", {"user_count": "1", "spawn_rate": "1"})["success"]
                states: list[str] = []
                while not states or states[-1] != "stopped":
                    assert len(states) < 20, states
                    time.sleep(2.1)  # the UI keeps an answer for 2 s
                    states.append(ask(f"{ui}/stats/requests")["state"])
                assert len(server.requests) - before > 50
                time.sleep(2)  # until Locust's CSV files have the end of it
            statistics = ask(f"{ui}/stats/requests")["stats"]
        expected = len(server.requests)
    assert statistics[0]["name"] == "InvokeEndpoint"
    assert keep_samples(tmp_path / "job.arrows", tmp_path / "samples.parquet") == expected


def test_a_conductor_and_workers_started_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMEBENCH_TOKEN", secrets.token_hex(32))
    port = free_port()
    workload = {
        "arrivals": {"kind": "constant"},
        "profile": {"stages": [{"rate": 100, "users": 10, "duration": 3, "warmup": 0}]},
    }
    with ScriptedServer(lambda n: (0.01, OK)) as server:
        jobs = [write_job(tmp_path, server.port, workload, name) for name in ("conductor", "one", "other")]
        lead = ("--master", "--headless", "--expect-workers", "2", "--stop-timeout", "10")
        address = ("--master-host", "127.0.0.1", "--master-port", port)
        with (
            locust(jobs[0], *lead, "--master-bind-host", "127.0.0.1", "--master-bind-port", port) as conductor,
            locust(jobs[1], "--worker", *address),
            locust(jobs[2], "--worker", *address),
        ):
            assert conductor.wait(timeout=250) == 0
        requests = len(server.requests)
    assert keep_samples(tmp_path / "conductor.arrows", tmp_path / "samples.parquet") == requests
    assert 150 < requests <= 300, "a machine that is busy at its end does not start the last ones"
    intended = np.sort(read_samples(tmp_path / "samples.parquet")["intended_ns"].to_numpy())[:150]
    assert np.all(np.abs(np.diff(intended) - 10_000_000) < 3_000), "each worker took every other request"
    assert not (tmp_path / "one.arrows").exists(), "workers send what they record"


def test_a_load_that_is_asked_to_end_keeps_every_sample(tmp_path: Path) -> None:
    with ScriptedServer(lambda n: (0.2, OK)) as server:
        job = write_job(tmp_path, server.port, {"profile": {"stages": [{"users": 5, "duration": 60}]}})
        with locust(job, "--headless", "--stop-timeout", "10"):
            while len(server.requests) < 50:
                time.sleep(0.1)
        requests = len(server.requests)
    assert keep_samples(tmp_path / "job.arrows", tmp_path / "samples.parquet") == requests


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("hold", [0.2, 300.0])
def test_ctrl_c_in_a_terminal_ends_a_load_at_once(tmp_path: Path, processes: int, hold: float) -> None:
    """It reaches every process of the load."""
    options = ["--headless", "--stop-timeout", "70"]
    if processes > 1:
        port = free_port()
        options += ["--processes", str(processes), "--master-bind-port", port, "--master-port", port]
    with ScriptedServer(lambda n: (hold, OK)) as server:
        job = write_job(tmp_path, server.port, {"profile": {"stages": [{"users": 5, "duration": 60}]}})
        with locust(job, *options) as process:
            while len(server.requests) < (5 if hold > 1 else 50):
                time.sleep(0.1)
            before = len(server.requests)
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=55)  # with or without an answer, for which it would wait 70 s
        requests = len(server.requests)
        assert requests - before < 500, "no process starts any more; in the rest of the stage it would be 1,400"
    samples = keep_samples(tmp_path / "job.arrows", tmp_path / "samples.parquet")
    assert samples == (0 if hold > 1 else requests)
