"""What is lost over loads and evictions: found where it is, and not where it is not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmebench.benchmark.experiments.churn.figures import (
    ENDPOINT,
    Sight,
    read_churn,
    summarise_churn,
    write_churn,
)
from mmebench.benchmark.experiments.churn.picture import draw
from mmebench.benchmark.experiments.churn.words import describe
from mmebench.benchmark.story import run_benchmark
from mmebench.endpoints.processes import parts_of
from mmebench.record.layout import find_runs
from mmebench.report.pictures.pictures import save
from mmebench.spec import Spec
from mmebench.spec.reading import read_spec
from support.figures import texts
from support.tiny_models import WIDTH, python_archive
from support.watching import Watcher

KIB, MIB = 2**10, 2**20

MODEL = """
import os, sys
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def initialize(self, arguments):
        self.weights = np.ones(40_000_000, np.uint8)
        {leak}

    def execute(self, requests):
        arrays = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", 3 * array)]) for array in arrays]
"""
LEAK = 'sys.__dict__.setdefault("lost", []).append((bytearray(os.urandom(300_000)), open("/dev/null")))'


def seen(
    path: Path, bytes_a_cycle: float = 0, files_a_cycle: float = 0, looks: int = 100, parts: bool = True
) -> pd.DataFrame:
    """2000 cycles of an endpoint that grows at first, is noisy, and loses so much."""
    random = np.random.default_rng(7)
    sights = []
    for look in range(looks + 1):
        cycle = 2000 * look // looks
        warming = 30 * MIB * (1 - np.exp(-cycle / 40))
        load = None if look == 0 else 0.3 + cycle / 1e5
        sights.append(Sight(cycle, cycle / 2, ENDPOINT, 400 * MIB, load_p50_s=load, loads=cycle, targets=10))
        if parts:
            noise, lost = random.normal(0, 40 * KIB), bytes_a_cycle * cycle
            files = 90 + int(files_a_cycle * cycle)
            sights.append(Sight(cycle, cycle / 2, "container", int(2e8 + warming + noise + lost), 1, files, 40))
            sights.append(Sight(cycle, cycle / 2, "shared memory", 64 * MIB, None, 11, None))
    write_churn(sights, path)
    return read_churn(path)


def verdicts(summary: pd.DataFrame) -> dict[tuple[str, str], str]:
    return {(row["part"], row["quantity"]): row["verdict"] for _, row in summary.iterrows()}


def test_a_loss_is_found_with_its_size(tmp_path: Path) -> None:
    table = seen(tmp_path / "t.csv", bytes_a_cycle=4 * KIB, files_a_cycle=0.5)
    summary = summarise_churn(table)
    found = verdicts(summary)
    assert {key for key, verdict in found.items() if verdict == "lost"} == {
        ("container", "bytes"),
        ("container", "files"),
    }
    row = summary.query("part == 'container' and quantity == 'bytes'").iloc[0]
    assert row["low"] < 4 * KIB < row["high"]
    assert row["high"] - row["low"] < KIB
    lost, files, *rest = describe(table, summary)[1:]
    assert lost.startswith("container LOSES bytes: 4")
    assert "KiB a cycle" in lost
    assert files.startswith("container LOSES files: 0.5 a cycle (0.5 to 0.5), from 2")
    assert not any("LOSES" in line for line in rest)
    shown = texts(figure := draw(table, summary, "a title", "a footer"))
    for text in ("container", "container: files", "shared memory", "memory", "MiB"):
        assert text in shown
    save(figure, tmp_path / "chart.png")


def test_noise_and_what_is_taken_at_first_are_no_loss(tmp_path: Path) -> None:
    table = seen(tmp_path / "t.csv")
    summary = summarise_churn(table)
    assert set(verdicts(summary).values()) == {"kept"}
    first, second = describe(table, summary)
    assert first == "2,000 loads and evictions in 16 min 40 s; one takes 306 ms early on, 318 ms late"
    assert second.startswith("not lost: endpoint bytes (0 B to 0 B a cycle); container bytes (")
    assert "files, threads, processes; shared memory bytes (0 B to 0 B a cycle), files" in second


def test_too_little_to_tell_is_said_to_be_that(tmp_path: Path) -> None:
    table = seen(tmp_path / "t.csv", bytes_a_cycle=4 * KIB, looks=10)
    summary = summarise_churn(table)
    assert verdicts(summary)["container", "bytes"] == "open"
    assert any("too few cycles to tell a loss from noise" in line for line in describe(table, summary))


def test_an_endpoint_that_does_not_tell_its_processes(tmp_path: Path) -> None:
    table = seen(tmp_path / "t.csv", parts=False)
    summary = summarise_churn(table)
    assert describe(table, summary)[-1].startswith("this endpoint does not say what its processes take")
    assert "the endpoint does not say" in texts(draw(table, summary, "a title", "a footer"))
    nothing = table.assign(bytes=np.nan)
    assert len(describe(nothing, summarise_churn(nothing))) == 2
    save(draw(nothing, summarise_churn(nothing), "", ""), tmp_path / "chart.png")


def test_a_process_is_seen_as_it_is() -> None:
    router, container, *_ = parts_of(os.getpid())
    assert (router.name, router.processes) == ("router", 1)
    assert router.bytes > 10 * MIB
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert parts_of(os.getpid())[1].processes == (container.processes or 0) + 1
        child.communicate(b"\n")
    files = router.files
    assert files is not None
    with Path(os.devnull).open():
        assert parts_of(os.getpid())[0].files == files + 1
    assert container.name == "container"
    assert parts_of(2**22 - 1) == (), "it has ended"


@pytest.fixture
def spec(tmp_path: Path, request: pytest.FixtureRequest) -> Spec:
    """A model in the container's own process, which loses 300 kB and a file at each load where it is asked to."""
    archive = python_archive(tmp_path / "model.tar.gz", MODEL.format(leak=request.param))
    tensor = {"datatype": "FP32", "shape": [WIDTH]}
    fields: dict[str, Any] = {
        "model": {
            "source": "file",
            "path": archive,
            "inputs": [{"name": "x", **tensor}],
            "outputs": [{"name": "y", **tensor}],
        },
        "platforms": ["python"],
        "endpoint": {"kind": "local", "container": "python", "memory": "250MiB"},
        "workload": {"profile": {"stages": [{"users": 1, "duration": 1}]}},
        "experiments": [{"kind": "churn", "cycles": 150}],
    }
    return read_spec(fields, "a test")


@pytest.mark.e2e
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("spec", "leaks"), [("pass", False), (LEAK, True)], indirect=["spec"])
def test_a_model_that_loses_is_told_from_one_that_does_not(spec: Spec, leaks: bool, tmp_path: Path) -> None:
    outcome = run_benchmark(spec, tmp_path / "results", Watcher())
    (files,) = find_runs(outcome.directory)
    table = read_churn(files.experiment("churn").table)
    endpoint = table[table["part"] == ENDPOINT]
    assert endpoint["cycle"].max() == 150
    assert endpoint["loads"].iloc[-1] - endpoint["loads"].iloc[0] == 150, "each request loads a target"
    summary = summarise_churn(table)
    found = verdicts(summary)
    assert (found["container", "files"] == "lost") == leaks
    assert found["router", "files"] != "lost"
    if leaks:
        lost = summary.query("part == 'container'").set_index("quantity")["per_cycle"]
        assert lost["files"] == pytest.approx(1, abs=0.05)
        assert lost["bytes"] == pytest.approx(300_000, rel=0.3)
    assert files.experiment("churn").chart.exists()
    assert any("150 loads and evictions" in line for line in outcome.report.findings)
    assert ">Churn</" in (outcome.directory / "report.html").read_text()
