"""Benchmarks that do not fit, are refused, or are interrupted."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from mmebench.record.samples import read_samples
from support.commands import MARKED, SPEC, Command, leftovers, mmebench, write
from support.patience import wait_until
from support.tiny_models import file_model, onnx_bytes
from support.undrawn import leave_blank

pytestmark = [pytest.mark.e2e, pytest.mark.triton, pytest.mark.export]


def test_more_targets_than_fit_are_loaded_and_evicted(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(1))
    spec = SPEC | {
        "model": file_model(tmp_path / "model.onnx"),
        "platforms": ["onnx"],
        "endpoint": {"kind": "local", "memory": "170MiB"},
        "targets": {"capacity": 2, "limit": 30},
        "workload": {
            "arrivals": {"kind": "closed", "think_time": "300ms"},
            "profile": {"stages": [{"users": 1, "duration": "12s"}]},
        },
    }
    done = mmebench("run", write(tmp_path, spec), cwd=tmp_path, before=leave_blank)
    assert done.returncode == 0, done.stdout + done.stderr
    (files,) = find_runs(tmp_path / "results" / "model")
    run, samples = read_run(files.run), read_samples(files.samples)
    assert run.capacity is not None
    assert run.capacity.limited_by == "eviction"
    assert run.targets == 2 * run.capacity.fits
    cold = sum(samples["cold"].to_pylist())
    assert cold > 0
    assert run.evictions_during_load is not None
    assert run.loads_during_load == pytest.approx(cold, abs=2)
    assert run.evictions_during_load == pytest.approx(cold, abs=run.capacity.fits + 1)


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
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(1))
    spec = SPEC | {
        "model": file_model(tmp_path / "model.onnx"),
        "platforms": ["onnx"],
        "targets": {"count": 2},
        "workload": {
            "arrivals": {"kind": "closed", "think_time": "20ms"},
            "profile": {"stages": [{"users": 1, "duration": "60s"}]},
        },
    }
    environment = os.environ | MARKED
    command = Command("run", write(tmp_path, spec), cwd=tmp_path, environment=environment, before=leave_blank)
    stream = tmp_path / "results" / "model"
    deadline = time.monotonic() + 120
    while not list(stream.glob("*.arrows")):
        assert command.status is None, command.finish()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    (samples,) = stream.glob("*.arrows")
    wait_until(lambda: samples.stat().st_size > 8000)
    command.send_signal(sent)
    done = command.finish()
    assert done.returncode == code, done
    assert "Traceback" not in done.stdout + done.stderr
    assert leftovers() == []
    (files,) = find_runs(stream)
    assert not read_run(files.run).complete
    assert len(read_samples(files.samples)) > 10
    assert list(stream.parent.glob("**/.store-*")) == []
