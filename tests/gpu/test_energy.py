"""A whole benchmark on a GPU of the stand-in: what the record, the summary and the pictures say of the GPU."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from gpu.hungry import hungry_archive
from gpu.machine import GIB, Device, Machine
from mmebench.endpoints.local import start
from mmebench.endpoints.server_metrics import TARGET
from mmebench.endpoints.server_metrics.reading import read_server_metrics, write_archive
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.metrics import read_metrics
from mmebench.record.run import Run, read_run
from mmebench.report.footers import footer_of
from mmebench.spec import LocalEndpoint as Spec
from mmebench.wire.runtime import RuntimeClient
from support.commands import write

pytestmark = pytest.mark.triton

MachineWith = Callable[..., Machine]

WATTS = 250
BUSY = Device(power=WATTS * 1000, utilization=64, memory_utilization=21)
TENSOR = {"datatype": "FP32", "shape": [4]}


@pytest.fixture(scope="module")
def machine(module_machine_with: MachineWith) -> Machine:
    return module_machine_with(BUSY, Device(power=None, energy=None, utilization=None))


@pytest.fixture(scope="module")
def results(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a benchmark on the first GPU."""
    folder = tmp_path_factory.mktemp("benchmark")
    archive = hungry_archive(folder / "hungry.tar.gz", GIB, row=GIB // 16)
    model = {"source": "file", "path": str(archive), "inputs": [TENSOR | {"name": "x"}]}
    spec = {
        "model": model | {"outputs": [TENSOR | {"name": "y"}]},
        "platforms": [{"kind": "python", "dynamic_batching": None}],
        "endpoint": {"kind": "local", "container": "triton", "memory": "5GiB", "devices": [0]},
        "workload": {
            "payload": {"batch": 2},
            "arrivals": {"kind": "closed", "think_time": "20ms"},
            "profile": {"stages": [{"users": 1, "duration": "5s"}, {"users": 3, "duration": "5s"}]},
        },
    }
    # What stands in for NVIDIA's libraries is there only where a process starts with it.
    command = [sys.executable, "-m", "mmebench", "run", str(write(folder, spec))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "results" / "hungry"


@pytest.fixture(scope="module")
def files(results: Path) -> RunFiles:
    (found,) = find_runs(results)
    return found


@pytest.fixture(scope="module")
def run(files: RunFiles) -> Run:
    return read_run(files.run)


@pytest.mark.e2e
def test_figures_by_the_second(files: RunFiles, run: Run) -> None:
    metrics = read_metrics(files.metrics).set_index("metric")
    assert set(metrics.index) >= {"gpu_power", "gpu_energy", "gpu_used_memory", "gpu_utilization"}
    power = metrics.loc[["gpu_power"]]
    assert set(power["statistic"]) == {"gpu 0"}, "the other one is not the endpoint's"
    assert set(power["value"]) == {WATTS}
    assert set(metrics.loc[["gpu_utilization"], "value"]) == {64}
    energy = metrics.loc[["gpu_energy"]]
    assert energy["value"].is_monotonic_increasing
    taken = energy["value"].iloc[-1] - energy["value"].iloc[0]
    seconds = (energy["at"].iloc[-1] - energy["at"].iloc[0]).total_seconds()
    assert 8 <= seconds < 2 * len(energy)
    assert taken / seconds == pytest.approx(WATTS, rel=0.05)


@pytest.mark.e2e
def test_joules_per_inference(results: Path, run: Run) -> None:
    summary = pd.read_csv(results / "summary_results.csv")
    assert summary["gpu_power_w"].tolist() == pytest.approx([WATTS, WATTS], rel=0.05)
    for (_, row), window in zip(summary.iterrows(), run.stages, strict=True):
        joules = row["gpu_power_w"] * (window.end - window.ready)
        assert row["joules_per_inference"] == pytest.approx(joules / (2 * row["Successful Requests"]), rel=1e-4)


@pytest.mark.e2e
def test_the_record_has_the_gpu(run: Run) -> None:
    assert run.instance_type == "local-1xH200-5GiB"
    assert run.container == "triton 2.51.0 (python backends)"
    capacity = run.capacity
    assert capacity is not None
    assert capacity.bytes_per_copy == 1.125 * GIB, "1 GiB, and 64 MiB for each row of the load"
    assert (capacity.fits, capacity.gpus[0].fits, capacity.gpus[0].used) == (4, 4, 4.5 * GIB)
    assert not capacity.by_growth
    assert run.environment["gpus"][0] == {
        "name": "NVIDIA H200",
        "memory": BUSY.total,
        "mig": False,
        "ecc": True,
        "power_limit": 700.0,
        "sm_clock": 345,
        "most_sm_clock": 1980,
        "most_memory_clock": 3201,
        "driver": "580.159.04",
        "cuda": "13.0",
    }
    assert "uuid" not in json.dumps(run.environment)
    assert ", 2 x NVIDIA H200 (driver 580.159.04, CUDA 13.0)" in footer_of(run)


def test_the_target_server_metrics(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with start(Spec(container="triton"), tmp_path / "store", tmp_path / "serve.log") as endpoint:
        endpoint.add_targets(write_archive(tmp_path), [TARGET])
        read = read_server_metrics(RuntimeClient(endpoint))
    mib = 2**20
    free = (BUSY.total - BUSY.reserved) / mib - 64
    assert list(read.gpu_power) == [WATTS, -1]
    assert read.gpu_energy[1] == -1
    assert read.gpu_energy[0] > 3608
    assert [*read.gpu_utilization, *read.gpu_memory_utilization] == [64, -1, 21, -1]
    assert read.gpu_total_memory == pytest.approx([BUSY.total / mib] * 2)
    assert list(read.gpu_used_memory) == [64, 64]
    assert read.gpu_free_memory == pytest.approx((free, free))
