"""Whoever writes results has the directory for itself; what a killed one had measured is kept."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mmebench.errors import BadInputError
from mmebench.record.claim import claim
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import read_run
from mmebench.record.samples import count_samples
from mmebench.spec import Spec
from support.commands import Command
from support.disks import fill, small_disk
from support.patience import wait_until
from support.undrawn import leave_blank

pytestmark = pytest.mark.slow

TWO_STAGES = ("--set", "workload.profile.stages=[{users: 1, duration: 1s}, {users: 1, duration: 60s}]")
SHORT = ("--set", "workload.profile.stages=[{users: 1, duration: 1s}, {users: 1, duration: 2s}]")


def start(*arguments: object) -> Command:
    return Command(*arguments, cwd=Path.cwd(), environment=os.environ, before=leave_blank)


def run(spec: Path, results: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return start("run", spec, "--results", results, *options).finish()


@contextmanager
def in_its_second_stage(spec: Path, results: Path) -> Iterator[tuple[Command, RunFiles]]:
    """A run that has done one of its stages, and is killed at the end of the block unless it has ended."""
    command = start("run", spec, "--results", results, *TWO_STAGES)
    try:
        wait_until(lambda: _stages_done(results / "model") == 1)
        (files,) = find_runs(results / "model")
        yield command, files
    finally:
        if command.status is None:
            command.send_signal(signal.SIGKILL)
            command.finish()


def _stages_done(directory: Path) -> int:
    files = find_runs(directory) if directory.is_dir() else []
    return len(read_run(files[0].run).stages) if files and files[0].run.exists() else 0


def test_a_second_run_is_told_who_has_the_directory(spec: Spec, tmp_path: Path) -> None:
    results = tmp_path / "results"
    with in_its_second_stage(tmp_path / "spec.yaml", results) as (first, files):
        second = run(tmp_path / "spec.yaml", results)
        assert second.returncode == 2, second.stdout + second.stderr
        (message,) = [line for line in second.stderr.splitlines() if line]
        assert f"process {first.pid} on " in message
        assert "mmebench run " in message
        assert "give another directory with --results" in message
        first.send_signal(signal.SIGINT)
        assert first.finish(timeout=100).returncode == 130
        assert count_samples(files.samples) > 20, "its samples are all there"
    assert not list(results.rglob(".claim"))


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from mmebench.record.claim import claim\n"
        "with claim(Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(BadInputError, match=f"process {process.pid} on "), claim(tmp_path):
            pass
        process.kill()
    with claim(tmp_path), pytest.raises(BadInputError, match=f"process {os.getpid()} on "), claim(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_had_measured_is_kept_and_the_rest_removed(spec: Spec, tmp_path: Path) -> None:
    results = tmp_path / "results"
    with in_its_second_stage(tmp_path / "spec.yaml", results) as (process, files):
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(started, timeout=30)
        assert alive == [], "nobody goes on without it"
    assert list(results.glob(".store-*")), "or there would be nothing to test"
    assert files.stream.exists()
    report = start("report", files.directory).finish()
    assert report.returncode == 0, report.stderr
    kept = re.search(r"cut short; kept are (\d+) samples, whole stages: 1", report.stdout)
    assert kept is not None, report.stdout
    assert count_samples(files.samples) == int(kept[1]) > 20
    assert (files.directory / "summary_results.csv").read_text().count("\n") == 2

    again = run(tmp_path / "spec.yaml", results, *SHORT)
    assert again.returncode == 0, again.stdout + again.stderr
    (earlier,) = (files.directory / "earlier").iterdir()
    (old,) = earlier.glob("*_samples.parquet")
    assert count_samples(old) == int(kept[1])
    record = read_run(files.run)
    assert record.complete
    assert len(record.stages) == 2
    assert list(results.glob(".store-*")) == []
    assert list(results.rglob(".claim")) == []


def test_a_run_on_a_disk_that_gets_full(spec: Spec, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "40m") as disk:
        with in_its_second_stage(tmp_path / "spec.yaml", disk) as (process, files):
            ballast = fill(disk)
            done = process.finish()
            assert done.returncode == 3, done
            said = re.findall("^mmebench: .*", done.stderr, re.MULTILINE)
            assert "the load stopped after 1 of 2 stages" in said[0]
            assert "Traceback" not in done.stdout + done.stderr
        # Cutting off what was half written may have made room for so few samples.
        waiting = files.stream.exists()
        assert waiting or count_samples(files.samples) > 20
        assert any(f"{files.stream} keeps the samples until there is room" in line for line in said) == waiting
        assert len(read_run(files.run).stages) == 1
        ballast.unlink()
        again = run(tmp_path / "spec.yaml", disk, *SHORT)
        assert again.returncode == 0, again.stdout + again.stderr
        assert ("an earlier start was cut short" in again.stdout) == waiting
        assert read_run(files.run).complete
