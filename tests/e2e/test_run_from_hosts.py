"""A benchmark whose loads come from workers that stay: all parts and all experiments of it."""

import json
from pathlib import Path

import pytest

from support.commands import SPEC, write
from support.commands import mmebench as finished
from support.free_ports import free_ports
from support.hosts import LOCAL, mmebench
from support.tiny_models import file_model, onnx_bytes
from support.undrawn import leave_blank

pytestmark = [pytest.mark.e2e, pytest.mark.triton, pytest.mark.export]


def test_workers_serve_every_load_of_a_run(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    (tmp_path / "token").write_text("0123456789abcdef" * 4)
    (tmp_path / "token").chmod(0o600)
    workers = {"listen": listen, "count": 2, "token": str(tmp_path / "token")}
    experiments = [
        {"kind": "working_set", "ratios": [1.0], "zipf": [0.0], "stage": {"users": 2, "duration": 3}},
        {"kind": "interference", "duration": 6, "every": 3},
    ]
    workload = {
        "workers": workers,
        "arrivals": {"kind": "closed", "think_time": "20ms"},
        "profile": {"stages": [{"users": 2, "duration": 3}]},
    }
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(1))
    model = file_model(tmp_path / "model.onnx")
    changes = {"model": model, "platforms": ["openvino", "onnx"], "workload": workload, "experiments": experiments}
    spec = SPEC | changes
    with mmebench(LOCAL, "worker", listen, "--stay", "--processes", "2", cwd=tmp_path) as worker:
        done = finished("run", write(tmp_path, spec), cwd=tmp_path, before=leave_blank)
        assert done.returncode == 0, done.stdout + done.stderr
        assert worker.poll() is None, "it waits for the next"
    records = [json.loads(path.read_text()) for path in tmp_path.rglob("*_run.json")]
    assert len(records) == 6, "two platforms, each with a load and two experiments of one load each"
    for record in records:
        assert record["complete"]
        assert record["spec"]["workload"]["workers"]["count"] == 2
        assert [stage["note"] for stage in record["stages"]] == [None] * len(record["stages"])
