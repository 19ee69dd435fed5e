"""Who has not the token of a load can neither join it nor end it, and who has it must make sense."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmebench.record.samples import read_samples
from support.free_ports import free_ports
from support.hosts import LOCAL, TOKEN, mmebench, write_spec
from support.load_run import LoadRun, load_processes
from support.patience import wait_until
from support.scripted_server import OK, ScriptedServer

pytestmark = pytest.mark.slow

SUPPORT = Path(__file__).parents[1] / "support"
FEW_FILES = ["sh", "-c", 'ulimit -Sn 1024; ulimit -Hn 4096; exec "$@"', "sh"]


def visit(*arguments: str) -> None:
    command = [sys.executable, str(SUPPORT / "stranger.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def silent_crowd(port: int, count: int) -> Iterator[None]:
    """So many connections, all of which stand, as soon as somebody listens there."""
    wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
    command = [sys.executable, str(SUPPORT / "silent_crowd.py"), str(port), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as crowd:
        try:
            assert crowd.stdout is not None
            assert crowd.stdout.readline()
            yield
        finally:
            crowd.kill()


def test_another_user_of_this_host_cannot_join_a_load_or_end_it(tmp_path: Path) -> None:
    came: list[threading.Thread] = []
    failures: list[BaseException] = []

    def come() -> None:
        try:
            (conductor,) = load_processes()
            words = conductor.cmdline()
            assert not any("TOKEN" in word for word in words), "every user reads command lines"
            visit(words[words.index("--master-port") + 1])
        except BaseException as error:  # told to the test, whose thread is another one
            failures.append(error)

    def script(number: int) -> tuple[float, bytes]:
        if number == 0:
            came.append(threading.Thread(target=come))
            came[0].start()
        return (0.02, OK)

    run = LoadRun(tmp_path, script, {"processes": 2}, {"users": 4, "duration": 12})
    came[0].join()
    assert failures == []
    assert run.count == len(run.server.requests), "all samples are of requests"
    assert [stage.note for stage in run.stages] == [None]
    assert "turned away somebody without the token" in (tmp_path / "load.log").read_text()


def test_what_makes_no_sense_is_dropped_and_the_load_goes_on(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    listen = f"127.0.0.1:{port}"
    workers = {"listen": listen, "count": 1}
    stage = {"rate": 100, "users": 10, "duration": 10, "warmup": 1}
    with ScriptedServer(lambda n: (0.01, OK)) as server:
        url, profile = f"http://127.0.0.1:{server.port}", {"stages": [stage]}
        spec = write_spec(tmp_path / "spec.yaml", url, listen, profile=profile, workers=workers)
        with (
            mmebench(LOCAL, "load", str(spec), cwd=tmp_path) as conductor,
            mmebench(LOCAL, "worker", listen, cwd=tmp_path),
        ):
            wait_until(lambda: bool(server.requests) or conductor.poll() is not None)
            assert conductor.poll() is None
            visit(str(port), TOKEN)
            assert conductor.wait(timeout=250) == 0
        requests = len(server.requests)
    (samples,) = (tmp_path / "results").rglob("*_samples.parquet")
    assert len(read_samples(samples)) == requests == 1000
    (log,) = (tmp_path / "results").rglob("load.log")
    assert "dropped a message that is none" in log.read_text()


def test_who_connects_and_says_nothing_keeps_no_worker_out(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    listen = f"127.0.0.1:{port}"
    # The conductor looks at its own CPU every five seconds, and needs a file for that.
    profile = {"stages": [{"rate": 100, "users": 10, "duration": 6, "warmup": 1}]}
    with ScriptedServer(lambda n: (0.01, OK)) as server:
        url, workers = f"http://127.0.0.1:{server.port}", {"listen": listen, "count": 1}
        spec = write_spec(tmp_path / "spec.yaml", url, listen, profile=profile, workers=workers)
        with (
            mmebench(FEW_FILES, "load", str(spec), cwd=tmp_path) as conductor,
            silent_crowd(port, 2000),
            mmebench(LOCAL, "worker", listen, cwd=tmp_path) as worker,
        ):
            assert conductor.wait(timeout=250) == 0
            assert worker.wait(timeout=100) == 0
        assert len(server.requests) == 600
