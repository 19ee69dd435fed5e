"""A disk that gets full while a load runs: it ends at once, and what was written stays whole."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from mmebench.record.layout import RunFiles
from mmebench.record.run import read_run
from mmebench.record.samples import count_samples, read_samples
from support.disks import fill, small_disk
from support.scripted_server import OK, ScriptedServer

pytestmark = pytest.mark.slow

SECONDS = 60
RATE = 500
IN_THE_SECOND_STAGE = 2500
"""The number of a request, in a load of two stages of which the first has 1500."""
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from mmebench.cli import main
sys.argv = ["mmebench", *sys.argv[1:]]
main()
"""


def command(folder: Path, results: Path, port: int, processes: int) -> list[str]:
    spec: dict[str, Any] = {
        "endpoint": {
            "kind": "existing",
            "name": "ours",
            "url": f"http://127.0.0.1:{port}",
            "targets": ["a.tar.gz"],
            "instance_type": "ml.g5.xlarge",
        },
        "model": {"name": "tiny", "platform": "onnx", "inputs": [{"name": "x", "datatype": "FP32", "shape": [4]}]},
        "workload": {
            "processes": processes,
            "arrivals": {"kind": "constant"},
            "profile": {"stages": [{"rate": RATE, "duration": seconds} for seconds in (3, SECONDS)]},
        },
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec))
    return ["load", str(path), "--results", str(results)]


def run_load(
    folder: Path, results: Path, processes: int, before: list[str], at: int, then: Callable[[], object]
) -> tuple["subprocess.CompletedProcess[str]", int, float]:
    """The command's end, how many requests were sent, and how long it went on after request ``at``."""
    since: list[float] = []

    def script(number: int) -> tuple[float, bytes]:
        if number == at:
            since.append(time.monotonic())
            threading.Thread(target=then).start()
        return (0.001, OK)

    with ScriptedServer(script) as server:
        done = subprocess.run(
            [sys.executable, *before, *command(folder, results, server.port, processes)],
            capture_output=True,
            text=True,
            timeout=SECONDS + 120,
            check=False,
        )
        assert since, done.stdout + done.stderr
        return done, len(server.requests), time.monotonic() - since[0]


def assert_broken_and_whole(done: "subprocess.CompletedProcess[str]", results: Path, said: str) -> int:
    """Exit code 3, one message, a Parquet file and a record that can be read; returns the number of samples."""
    assert done.returncode == 3, done.stdout + done.stderr
    (message,) = [line for line in done.stderr.splitlines() if line.startswith("mmebench: ")]
    assert said in message
    assert "the load stopped after 1 of 2 stages" in message
    assert "Traceback" not in done.stderr
    files = RunFiles(results / "tiny", "ml.g5.xlarge", "onnx", 1)
    run = read_run(files.run)
    assert not run.complete
    assert [stage.rate for stage in run.stages] == [RATE]
    assert not files.stream.exists()
    samples = read_samples(files.samples)
    pq.ParquetFile(files.samples).read()
    assert len(samples) == count_samples(files.samples)
    return len(samples)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_load_stops_before_the_disk_is_full(tmp_path: Path, processes: int) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        ballast = disk / "ballast"

        def take_most() -> None:
            ballast.write_bytes(bytes(10 * 2**20))

        done, sent, seconds = run_load(
            tmp_path, disk, processes, ["-m", "mmebench"], IN_THE_SECOND_STAGE, take_most
        )
        samples = assert_broken_and_whole(done, disk, "MiB are kept for what is written at the end")
    assert seconds < SECONDS / 2
    assert 1500 < samples <= sent


@pytest.mark.parametrize("processes", [1, 2])
def test_a_write_that_fails_ends_the_load_and_leaves_whole_batches(tmp_path: Path, processes: int) -> None:
    """As on a disk that others fill from one moment to the next, with a limit for each file instead."""
    before = ["-c", LIMITED.format(limit=175_000)]
    done, sent, seconds = run_load(
        tmp_path, tmp_path / "results", processes, before, IN_THE_SECOND_STAGE, lambda: None
    )
    samples = assert_broken_and_whole(done, tmp_path / "results", "no file may be larger here")
    assert seconds < SECONDS / 2
    assert 1500 < samples <= 3000, "which take 60 bytes each"
    assert samples < sent


def test_a_disk_that_is_full_at_once_keeps_the_samples_for_later(tmp_path: Path) -> None:
    """There is no room for Parquet, nor for a longer record; a report makes of them what can be made."""
    with small_disk(tmp_path / "disk", "24m") as disk:
        done, _, seconds = run_load(tmp_path, disk, 2, ["-m", "mmebench"], IN_THE_SECOND_STAGE, lambda: fill(disk))
        assert done.returncode == 3, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert seconds < SECONDS / 2
        files = RunFiles(disk / "tiny", "ml.g5.xlarge", "onnx", 1)
        assert files.stream.exists()
        assert len(json.loads(files.run.read_text())["stages"]) == 1, "the record is whole"
        full = [sys.executable, "-m", "mmebench", "report", str(files.directory)]
        refused = subprocess.run(full, capture_output=True, text=True, check=False)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "the disk is full" in refused.stderr
        assert "Traceback" not in refused.stderr
        (disk / "ballast").unlink()
        again = subprocess.run(full, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert "an earlier start was cut short" in again.stdout
        assert not files.stream.exists()
        assert count_samples(files.samples) > 1500


def test_a_load_does_not_begin_where_there_is_no_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk, ScriptedServer(lambda n: (OK,)) as server:
        done = subprocess.run(
            [sys.executable, "-m", "mmebench", *command(tmp_path, disk, server.port, 2)],
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == 3, done.stderr
        assert "the disk has" in done.stderr
        assert "Traceback" not in done.stderr
        assert server.requests == []
