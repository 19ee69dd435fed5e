"""A plan from a benchmark that was run for it, checked on the endpoint itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmebench.record.layout import find_runs
from mmebench.record.plan import find_plan
from mmebench.record.run import read_run
from support.commands import leftovers, mmebench, write
from support.plans import check_briefly
from support.tiny_models import file_model, onnx_bytes
from support.undrawn import leave_blank

pytestmark = [pytest.mark.e2e, pytest.mark.triton]


def test_a_plan_is_made_after_a_run_and_checked(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(1))
    spec: dict[str, Any] = {
        "model": file_model(tmp_path / "model.onnx"),
        "platforms": ["onnx"],
        "endpoint": {"kind": "local", "memory": "250MiB", "container": "triton"},
        "targets": {"count": "capacity", "limit": 30},
        "workload": {"profile": {"stages": [{"users": users, "duration": "3s"} for users in (1, 4)]}},
        "objectives": {"p99": "60s"},  # held on a busy machine, too
        "plan": {"models": 20, "traffic": "zipf:0.8,5", "instances": 2},
    }
    done = mmebench("run", write(tmp_path, spec), cwd=tmp_path, before=leave_blank)
    assert done.returncode == 0, done.stdout + done.stderr
    results = tmp_path / "results" / "model"
    (files,) = find_runs(results)
    run = read_run(files.run)
    assert run.capacity is not None
    assert run.capacity.limited_by == "eviction"
    first = find_plan(results)
    assert first is not None
    assert first.models == 20
    assert "2 instances hold 20 models" in done.stdout

    spec["plan"] |= {"models": 2 * (run.capacity.fits + 1), "instances": 2}
    again = mmebench("run", write(tmp_path, spec), "--json", cwd=tmp_path, before=leave_blank)
    assert "measured already" in again.stderr, again.stdout + again.stderr
    assert json.loads(again.stdout)["exit_code"] == 0, "one document"
    second = find_plan(results)
    assert second is not None
    assert second.models == 2 * (run.capacity.fits + 1)

    asked = (
        "--models",
        2 * (run.capacity.fits + 1),
        "--traffic",
        "zipf:1.2,8",
        "--set",
        "instances=2",
        "--check",
    )
    done = mmebench("plan", results, *asked, cwd=tmp_path, timeout=800, before=check_briefly)
    assert done.returncode == 0, done.stdout + done.stderr
    record = find_plan(results)
    assert record is not None
    checked = {each.figure: each for each in record.options[0].checked}
    assert list(checked) == ["hit ratio", "requests/s", "p50", "p99"]
    assert "Checked on the endpoint itself: hit ratio" in done.stdout
    # Each of the two has one model more than there is room for. How near it is, only a quiet machine can tell, and
    # how many there is room for, a busy one says otherwise each time. So few requests that a slow one keeps up.
    assert 20 < checked["hit ratio"].predicted < 99
    assert 20 < checked["hit ratio"].measured < 100
    assert checked["requests/s"].predicted == pytest.approx(4, rel=0.1)
    assert 2 < checked["requests/s"].measured < 6
    assert len(find_runs(results / "plan-check" / "model")) == 1
    assert leftovers() == []
