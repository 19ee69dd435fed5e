import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import yaml

from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from mmebench.record.samples import read_samples

pytestmark = [pytest.mark.e2e, pytest.mark.triton, pytest.mark.export]

SPEC: dict[str, Any] = {
    "model": {"source": "timm", "name": "test_resnet", "weights": "random"},
    "platforms": ["pt", "onnx"],
    "endpoint": {"kind": "local", "memory": "600MiB"},
    "targets": {"count": "capacity", "limit": 4},
    "workload": {"profile": {"stages": [{"users": 1, "duration": "3s"}, {"users": 3, "duration": "3s"}]}},
    "objectives": {"failures": 0},
}


MARK = "MMEBENCH_TEST_PROCESS"
MARKED = os.environ | {MARK: str(os.getpid())}
"""Every process that a command starts inherits it; servers that tests share have it not."""


def mmebench(*arguments: object, cwd: Path, timeout: float = 240) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mmebench", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=MARKED, capture_output=True, text=True, timeout=timeout)


def write(directory: Path, spec: dict[str, Any]) -> Path:
    path = directory / "spec.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def leftovers() -> list[str]:
    """Processes that came from a command of this module and are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(os.getpid()):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue  # gone, or not ours to look at
    return found


together = pytest.mark.xdist_group("finished")
"""So that it is run once."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The directory and the output of one benchmark, run to its end."""
    directory = tmp_path_factory.mktemp("run")
    done = mmebench("run", write(directory, SPEC), cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory, done.stdout


@together
def test_results_are_laid_out_as_promised(finished: tuple[Path, str]) -> None:
    directory, output = finished
    results = directory / "results" / "test_resnet"
    runs = find_runs(results)
    assert sorted(run.platform for run in runs) == ["onnx", "pt"]
    for run in runs:
        for what in ("stats", "stats_history", "failures", "exceptions"):
            assert Path(f"{run.prefix}_{what}.csv").exists()
        assert run.chart1.read_bytes().startswith(b"\x89PNG")
    assert (results / "chart2.png").read_bytes().startswith(b"\x89PNG")
    summary = pd.read_csv(results / "summary_results.csv")
    assert summary["User Count"].tolist() == [1, 3, 1, 3]
    assert (summary["Failed Requests"] == 0).all()
    assert (summary["Successful Requests"] > 20).all()
    # One row of so short a load may tell of a stall of this machine.
    assert summary["littles_law"].median() == pytest.approx(1, abs=0.1)
    for expected in ("pt: ", "onnx: ", "targets fit", "held up to", "results/test_resnet"):
        assert expected in output


@together
def test_samples_and_record_tell_the_same_story(finished: tuple[Path, str]) -> None:
    directory, _ = finished
    for files in find_runs(directory / "results" / "test_resnet"):
        run, samples = read_run(files.run), read_samples(files.samples)
        assert run.complete
        assert run.container.startswith("triton 2.")
        assert run.capacity is not None
        assert run.capacity.fits == run.targets == len(run.capacity.loads)
        assert run.capacity.bytes_per_copy is not None
        assert 20e6 < run.capacity.bytes_per_copy < 400e6
        assert samples["error"].null_count == len(samples)
        assert len(set(samples["target"].to_pylist())) == run.targets
        assert samples["cold"].null_count == 0
        (row,) = pd.read_csv(f"{files.prefix}_stats.csv").query("Name == 'InvokeEndpoint'").to_dict("records")
        assert row["Request Count"] == len(samples)


@together
def test_nothing_is_left_running_and_no_store_behind(finished: tuple[Path, str]) -> None:
    directory, _ = finished
    assert leftovers() == []
    assert list(directory.glob("results/*/.store-*")) == []
    assert list(directory.glob("results/*/*.arrows")) == []


@together
def test_a_second_start_measures_nothing_again(finished: tuple[Path, str]) -> None:
    directory, _ = finished
    before = {
        run.samples: run.samples.stat().st_mtime_ns for run in find_runs(directory / "results" / "test_resnet")
    }
    started = time.monotonic()
    again = mmebench("run", directory / "spec.yaml", cwd=directory)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("measured already") == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert time.monotonic() - started < 30


@together
def test_report_makes_the_same_table_from_files(finished: tuple[Path, str]) -> None:
    directory, output = finished
    results = directory / "results" / "test_resnet"
    (results / "summary_results.csv").unlink()
    (results / "chart2.png").unlink()
    done = mmebench("report", results, cwd=directory)
    assert done.returncode == 0, done.stderr
    assert (results / "summary_results.csv").exists()
    assert (results / "chart2.png").exists()
    rows = [line for line in output.splitlines() if line.endswith(("1.00", "0.99", "1.01"))]
    assert rows
    assert all(row in done.stdout for row in rows)


def test_more_targets_than_fit_are_loaded_and_evicted(tmp_path: Path) -> None:
    spec = SPEC | {
        "platforms": ["onnx"],
        "endpoint": {"kind": "local", "memory": "250MiB"},
        "targets": {"capacity": 2, "limit": 30},
        "workload": {"profile": {"stages": [{"users": 1, "duration": "12s"}]}},
    }
    done = mmebench("run", write(tmp_path, spec), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (files,) = find_runs(tmp_path / "results" / "test_resnet")
    run, samples = read_run(files.run), read_samples(files.samples)
    assert run.capacity is not None
    assert run.capacity.limited_by == "eviction"
    assert run.targets == 2 * run.capacity.fits
    cold = sum(samples["cold"].to_pylist())
    assert cold > 0
    assert run.evictions_during_load is not None
    assert run.loads_during_load == pytest.approx(cold, abs=2)
    assert run.evictions_during_load == pytest.approx(cold, abs=run.capacity.fits + 1)


@together
def test_a_missed_objective_is_exit_code_1(finished: tuple[Path, str]) -> None:
    directory, _ = finished
    missed = mmebench("run", directory / "spec.yaml", "--set", "objectives.p99=1us", cwd=directory)
    assert missed.returncode == 1, missed.stdout + missed.stderr
    assert "missed in every stage" in missed.stdout
    assert missed.stdout.count("measured already") == 2, "an objective does not change what is measured"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"source": "timm", "name": "resnet_of_mine"}}, "resnet_of_mine"),
        ({"platforms": ["trt"]}, "GPU"),
        ({"platfroms": ["pt"]}, "did you mean platforms?"),
        ({"model": {"source": "file", "path": "none.pt", "inputs": [], "outputs": []}}, "inputs"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    done = mmebench("run", write(tmp_path, SPEC | change), cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert leftovers() == []


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_keeps_what_was_measured_and_leaves_nothing_running(
    tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    spec = SPEC | {
        "platforms": ["onnx"],
        "targets": {"count": 2},
        "workload": {"profile": {"stages": [{"users": 1, "duration": "60s"}]}},
    }
    command = [sys.executable, "-m", "mmebench", "run", str(write(tmp_path, spec))]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=MARKED, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    stream = tmp_path / "results" / "test_resnet"
    deadline = time.monotonic() + 120
    while not list(stream.glob("*.arrows")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(5)
    os.kill(process.pid, sent)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code, output
    assert "Traceback" not in output
    assert leftovers() == []
    (files,) = find_runs(stream)
    assert not read_run(files.run).complete
    assert len(read_samples(files.samples)) > 10
    assert list(stream.parent.glob("**/.store-*")) == []
