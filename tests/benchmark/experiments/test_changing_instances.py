"""Experiments in which instances are replaced, lost and added, on a real local endpoint under a real load."""

from pathlib import Path

import pandas as pd
import pytest

from mmebench.benchmark.story import run_benchmark
from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from mmebench.report.report import write_report
from mmebench.spec.reading import load_spec
from support.tiny_models import WIDTH, onnx_bytes
from support.undrawn import leave_blank
from support.watching import Watcher

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_TENSOR = f"datatype: FP32, shape: [{WIDTH}]"
SPEC = f"""
model: {{source: file, path: MODEL, inputs: [{{name: x, {_TENSOR}}}], outputs: [{{name: y, {_TENSOR}}}]}}
platforms: [onnx]
endpoint:
  kind: local
  container: python
  memory: 1GiB
  instances: 1
  price: 3.6
  autoscaling: {{max: 2, invocations_per_instance: 1200, period: 1s, alarm_after: 2, calm_after: 1000}}
targets: {{count: 4}}
workload: {{arrivals: {{kind: closed, think_time: 100ms}}, profile: {{stages: [{{users: 1, duration: 1s}}]}}}}
experiments:
  - {{kind: restart, by: deployment, at: 4s, ratio: 2, stage: {{rate: 15, duration: 14s, warmup: 2s}}}}
  - kind: scale_out
    before: {{rate: 10, duration: 7s, warmup: 1s}}
    after: {{rate: 60, duration: 15s, warmup: 0s}}
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("instances")
    (folder / "model.onnx").write_bytes(onnx_bytes(4))
    (folder / "spec.yaml").write_text(SPEC.replace("MODEL", str(folder / "model.onnx")), encoding="utf-8")
    watcher = Watcher()
    with pytest.MonkeyPatch.context() as patch:
        leave_blank(patch)  # a test draws it all
        outcome = run_benchmark(load_spec(folder / "spec.yaml", ()), folder / "results", watcher)
    assert watcher.experiments == ["restart", "scale_out"]
    return outcome.directory


def test_a_restart_is_seen_in_hits(directory: Path) -> None:
    (files,) = find_runs(directory)
    table = pd.read_csv(files.experiment("restart").table)
    before, after = table[table["to_s"] <= 0], table[table["to_s"] > 0]
    assert len(before) >= 3
    assert before["hit_ratio"].median() == 1, "a busy machine sends late, some of what was due before it after it"
    assert after["hit_ratio"].min() < 1, "each target is loaded anew"
    assert after["hit_ratio"].iloc[-1] == 1
    assert table["failures"].sum() == 0, "a deployment loses no request"


def test_a_step_of_the_load_brings_an_instance(directory: Path) -> None:
    (files,) = find_runs(directory)
    loads = files.experiment("scale_out").loads
    changes = pd.read_csv(loads / "changes.csv")
    assert changes["what"].tolist() == ["alarm", "added"]
    assert changes["instances"].tolist() == [2, 2]
    alarm, added = changes["at"]
    assert 8 < alarm < added < 22, "two seconds after the step, by the clock of the samples"
    held = pd.read_csv(loads / "held.csv")
    assert held["instances"].iloc[0] == 1
    assert held["instances"].iloc[-1] == 2
    assert held.loc[held["at"] < alarm, "instances"].max() == 1
    table = pd.read_csv(files.experiment("scale_out").table)
    assert table["requests_per_s"].iloc[0] < 20 < table["requests_per_s"].iloc[-1]


def test_where_the_time_of_the_endpoint_went(directory: Path) -> None:
    (files,) = find_runs(directory)
    spent = read_run(files.run).endpoint_time
    assert spent is not None
    assert spent.create > 0
    assert spent.fill > 0
    assert spent.load >= 1, "its stage"
    assert spent.experiments > 40, "the stages of both"
    assert spent.delete > 0
    page = write_report(directory) and (directory / "report.html").read_text(encoding="utf-8")
    assert "Where the endpoint's time went" in page or "Where the endpoint&#39;s time went" in page


def test_the_report_says_what_they_came_to(directory: Path) -> None:
    text = "\n".join(write_report(directory).findings)
    assert "with nothing in memory, as before again: hit ratio " in text, "after a time that is the machine's"
    assert "after a step of the load, the alarm after" in text
    assert "2 instances serve after" in text
    assert "0 failed" in text
    assert "$0.0" in text, "at 0.1 cents a second and instance"
    (files,) = find_runs(directory)
    for kind in ("restart", "scale_out"):
        assert files.experiment(kind).chart.read_bytes().startswith(b"\x89PNG")
