"""One load from several hosts: ``mmebench load`` leads, ``mmebench worker`` sends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmebench.record.run import read_run
from mmebench.record.samples import read_samples
from support.free_ports import free_ports
from support.hosts import LOCAL, MS, HostsRun, mmebench, write_spec
from support.namespaces import OTHER_CLOCK, call_inside, inside, require, star_of_hosts
from support.scripted_server import OK, ScriptedServer

pytestmark = pytest.mark.slow


def test_workers_at_other_addresses_need_no_spec(tmp_path: Path) -> None:
    listen = f"127.0.0.2:{free_ports(1)[0]}"
    with ScriptedServer(lambda n: (0.01, OK), host="127.0.0.3") as server:
        spec = write_spec(tmp_path / "spec.yaml", f"http://127.0.0.3:{server.port}", listen)
        HostsRun(tmp_path, spec, listen, [LOCAL, LOCAL, LOCAL], server).check(even_ns=3)


def test_workers_in_networks_of_their_own(tmp_path: Path) -> None:
    address = "10.213.0.1"
    with star_of_hosts(address, 2) as (lead, one, other):
        server = call_inside(lead, lambda: ScriptedServer(lambda n: (0.01, OK), host=address))
        with server:
            spec = write_spec(tmp_path / "spec.yaml", f"http://{address}:{server.port}", f"{address}:5557")
            hosts = [inside(lead), inside(one), inside(other)]
            HostsRun(tmp_path, spec, f"{address}:5557", hosts, server).check(even_ns=3)


def test_a_worker_whose_clock_is_another(tmp_path: Path) -> None:
    require(*OTHER_CLOCK, "true")
    listen = f"127.0.0.2:{free_ports(1)[0]}"
    with ScriptedServer(lambda n: (0.05, OK)) as server:
        spec = write_spec(tmp_path / "spec.yaml", f"http://127.0.0.1:{server.port}", listen)
        run = HostsRun(tmp_path, spec, listen, [LOCAL, LOCAL, OTHER_CLOCK], server)
    # What is left is half of what the fastest of a few questions took.
    run.check(even_ns=1 * MS)
    latency = (run.column("end_ns") - run.column("intended_ns")) / MS
    assert np.median(latency) == pytest.approx(50, abs=5)
    assert np.all((latency > 50) & (latency < 5000)), "of one clock each; the first wait for the users to start"
    # The server keeps the time of this host. Each request came to it when its worker says it was sent.
    came = np.sort([start for start, _ in server.spans])
    sent = np.sort(run.column("start_ns"))
    early, late = np.percentile(came - sent, (10, 90))
    assert late - early < 2 * MS, "whichever of the two sent it"
    lateness = run.column("start_ns") - run.column("intended_ns")
    assert np.median(lateness) < 2 * MS, "requests start when they are due"


def test_a_worker_that_is_stopped_sends_what_it_has(tmp_path: Path) -> None:
    listen = f"127.0.0.2:{free_ports(1)[0]}"
    with ScriptedServer(lambda n: (0.01, OK)) as server:
        spec = write_spec(tmp_path / "spec.yaml", f"http://127.0.0.1:{server.port}", listen)
        with (
            mmebench(LOCAL, "load", str(spec), cwd=tmp_path) as conductor,
            mmebench(LOCAL, "worker", listen, cwd=tmp_path),
            mmebench(LOCAL, "worker", listen, cwd=tmp_path) as stopped,
        ):
            while len(server.requests) < 200:
                time.sleep(0.05)
            stopped.send_signal(signal.SIGINT)
            assert stopped.wait(timeout=10) == 130
            assert conductor.wait(timeout=250) == 0
        requests = len(server.requests)
    prefix = tmp_path / "results" / "tiny" / "existing*onnx*2"
    assert len(read_samples(Path(f"{prefix}_samples.parquet"))) == requests
    broken, whole = read_run(Path(f"{prefix}_run.json")).stages
    assert "was lost; what it had sent is kept" in (broken.note or "")
    assert broken.due == 300
    assert 50 < (broken.not_started or 0) < 120, "half of the last two seconds"
    assert (whole.rate, whole.not_started, whole.note) == (40, 0, None)


@pytest.mark.parametrize("kind", ["closed", "constant"])
def test_a_worker_that_comes_late_takes_part(tmp_path: Path, kind: str) -> None:
    listen = f"127.0.0.2:{free_ports(1)[0]}"
    load = {"users": 8} if kind == "closed" else {"users": 8, "rate": 100}
    stages = [load | {"duration": 8, "warmup": 1}, load | {"duration": 4, "warmup": 2}]
    with ScriptedServer(lambda n: (0.02, OK)) as server:
        spec = write_spec(
            tmp_path / "spec.yaml",
            f"http://127.0.0.1:{server.port}",
            listen,
            arrivals={"kind": kind},
            profile={"stages": stages},
            workers={"listen": listen, "count": 1},
        )
        with (
            mmebench(LOCAL, "load", str(spec), cwd=tmp_path) as conductor,
            mmebench(LOCAL, "worker", listen, cwd=tmp_path),
        ):
            while len(server.requests) < 50:
                time.sleep(0.05)
            before = server.connections
            with mmebench(LOCAL, "worker", listen, cwd=tmp_path) as late:
                assert conductor.wait(timeout=250) == 0
                assert late.wait(timeout=100) == 0
        assert server.connections > before, "it has connections of its own"
        requests = len(server.requests)
    prefix = tmp_path / "results" / "tiny" / "existing*onnx*2"
    assert len(read_samples(Path(f"{prefix}_samples.parquet"))) == requests
    first, second = read_run(Path(f"{prefix}_run.json")).stages
    assert (first.note, second.note) == ("client processes that joined while it ran: 1", None)
    summary = pd.read_csv(tmp_path / "results" / "tiny" / "summary_results.csv")
    assert summary["Failed Requests"].tolist() == [0, 0]
    assert summary["littles_law"].tolist() == pytest.approx([1, 1], abs=0.1), "no user was idle"
    if kind == "constant":
        assert (first.due, first.not_started, second.due, second.not_started) == (700, 0, 200, 0)


def test_a_worker_without_a_load_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mmebench", "worker", "nowhere"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "got 'nowhere'; allowed: HOST:PORT" in done.stderr
