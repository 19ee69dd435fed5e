"""Workers that stay: they are there before the load, after it, and again when their link was lost."""

import json
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

from mmebench.record.run import read_run
from mmebench.record.samples import read_samples
from support.cable import Cable
from support.commands import mmebench as finished
from support.free_ports import free_ports
from support.hosts import LOCAL, mmebench, write_spec
from support.patience import wait_until
from support.scripted_server import OK, ScriptedServer
from support.undrawn import leave_blank

pytestmark = pytest.mark.slow

STAGE = {"rate": 100, "users": 10, "duration": 3, "warmup": 1}


def lead(tmp_path: Path, url: str, listen: str, *stages: dict[str, int], count: int = 2) -> Path:
    """A spec, in a folder of its own for what comes of it."""
    folder = tmp_path / f"load-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    workers = {"listen": listen, "count": count, "wait": 30}
    return write_spec(folder / "spec.yaml", url, listen, profile={"stages": stages or (STAGE,)}, workers=workers)


def run_load(spec: Path) -> "subprocess.CompletedProcess[str]":
    return finished("load", spec, cwd=spec.parent, before=leave_blank)


def count_samples(spec: Path) -> int:
    (samples,) = spec.parent.rglob("*_samples.parquet")
    return len(read_samples(samples))


def count_not_started(spec: Path) -> int:
    """Requests that were due, and for which no connection came free before the end."""
    (record,) = spec.parent.rglob("*_run.json")
    return sum(stage.not_started or 0 for stage in read_run(record).stages)


def test_they_serve_load_after_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMEBENCH_TOKEN", "0123456789abcdef" * 4)
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    with ScriptedServer(lambda n: (0.01, OK)) as server:
        url = f"http://127.0.0.1:{server.port}"
        served = 0
        with mmebench(LOCAL, "worker", listen, "--stay", "--processes", "2", cwd=tmp_path) as worker:
            for _ in range(2):
                spec = lead(tmp_path, url, listen)
                done = run_load(spec)
                assert done.returncode == 0, done.stderr
                assert f"2 of 2 client processes are there: {socket.gethostname()} 2" in done.stdout
                before, served = served, len(server.requests)
                assert count_samples(spec) == served - before, "none is lost"
                assert served - before + count_not_started(spec) == 300, "by a machine that was busy at its end"
                assert worker.poll() is None
            clients = psutil.Process(worker.pid).children()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=100) == 130
            wait_until(lambda: not any(client.is_running() for client in clients))


def test_their_clients_end_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    with mmebench(LOCAL, "worker", f"127.0.0.1:{free_ports(1)[0]}", "--stay", cwd=tmp_path) as worker:
        parent = psutil.Process(worker.pid)
        wait_until(lambda: len(parent.children()) == 1)
        clients = parent.children()
        worker.kill()
        wait_until(lambda: not any(client.is_running() for client in clients))


def test_a_load_that_waits_in_vain_says_who_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMEBENCH_TOKEN", "0123456789abcdef" * 4)
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    with mmebench(LOCAL, "worker", listen, "--stay", cwd=tmp_path):
        done = run_load(lead(tmp_path, "http://127.0.0.1:1", listen, count=3))
    assert done.returncode == 3
    assert (
        f"1 of 3 client processes are there: {socket.gethostname()} 1 after 30 s; start the others" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_bodies_and_traces_of_any_size_are_told_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together they are larger than a message may be."""
    monkeypatch.setenv("MMEBENCH_TOKEN", "0123456789abcdef" * 4)
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    with ScriptedServer(lambda n: (0.01, OK)) as server:
        url = f"http://127.0.0.1:{server.port}"
        spec = write_spec(
            tmp_path / "spec.yaml",
            url,
            listen,
            payload={"batch": 512, "pool": 9},
            profile={"stages": [STAGE | {"rate": 10}]},
            workers={"listen": listen, "count": 1},
        )
        text = spec.read_text().replace("- 4\n", "- 4096\n")
        spec.write_text(text)
        with mmebench(LOCAL, "worker", listen, cwd=tmp_path) as worker:
            done = run_load(spec)
            assert done.returncode == 0, done.stderr
            assert worker.wait(timeout=100) == 0
        bodies = {request.partition(b"\r\n\r\n")[2] for request in server.requests}
        assert 3 < len(bodies) <= 9, "drawn at random"
        assert 9 * min(len(body) for body in bodies) > 64 << 20
    assert count_samples(spec) == len(server.requests) > 9, "80 MB/s are more than a busy machine may send"


@pytest.mark.parametrize("until_end", [False, True])
def test_a_connection_that_is_cut_loses_no_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until_end: bool
) -> None:
    """In the middle of a stage, and from before its end."""
    monkeypatch.setenv("MMEBENCH_TOKEN", "0123456789abcdef" * 4)
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    stages = [STAGE | {"duration": 14}, STAGE]
    with ScriptedServer(lambda n: (0.01, OK)) as server, Cable(int(listen.partition(":")[2])) as cable:
        spec = lead(tmp_path, f"http://127.0.0.1:{server.port}", listen, *stages)

        def cut() -> None:
            while len(server.requests) < (900 if until_end else 300):
                time.sleep(0.05)
            cable.cut()
            time.sleep(4)
            cable.mend()

        cutter = threading.Thread(target=cut)
        with (
            mmebench(LOCAL, "worker", listen, "--stay", cwd=tmp_path),
            mmebench(LOCAL, "worker", f"127.0.0.1:{cable.port}", "--stay", cwd=tmp_path),
        ):
            cutter.start()
            done = run_load(spec)
            cutter.join()
        assert done.returncode == 0, done.stderr
        requests = len(server.requests)
    (record,) = spec.parent.rglob("*_run.json")
    assert count_samples(spec) == requests, json.loads(record.read_text())["stages"]
    broken, _ = read_run(record).stages
    assert broken.due == pytest.approx(100 * (broken.end - broken.ready), abs=1)
    if not until_end:
        assert requests + count_not_started(spec) == 1700
        assert broken.note is None or "cut off for a while; nothing is missing" in broken.note
