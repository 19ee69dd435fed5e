"""Experiments on a real local endpoint: small models, real requests, every table and picture at the end."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from mmebench.benchmark.story import run_benchmark
from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from mmebench.report.report import write_report
from mmebench.spec.reading import load_spec
from support.tiny_models import file_model, onnx_bytes
from support.undrawn import leave_blank
from support.watching import Watcher

pytestmark = [pytest.mark.e2e, pytest.mark.triton]

STAGE_SECONDS = 5
SPEC: dict[str, Any] = {
    "platforms": ["onnx"],
    "endpoint": {"kind": "local", "memory": "190MiB"},
    "workload": {
        "arrivals": {"kind": "closed", "think_time": "10ms"},
        "profile": {"stages": [{"users": 1, "duration": "3s"}]},
    },
    "experiments": [
        {"kind": "cold_starts", "count": 3, "concurrency": [1, 2], "warm": 3},
        {
            "kind": "working_set",
            "ratios": [0.5, 2],
            "zipf": [0],
            "stage": {"users": 2, "duration": STAGE_SECONDS + 1, "warmup": 1},
        },
        {"kind": "interference", "rate": 40, "every": "1s", "duration": "6s"},
    ],
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the results."""
    folder = tmp_path_factory.mktemp("experiments")
    path = folder / "spec.yaml"
    (folder / "model.onnx").write_bytes(onnx_bytes(1))
    spec = SPEC | {"model": file_model(folder / "model.onnx")}
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    watcher = Watcher()
    with pytest.MonkeyPatch.context() as patch:
        leave_blank(patch)  # a test draws it all
        outcome = run_benchmark(load_spec(path, ()), folder / "results", watcher)
    assert watcher.experiments == ["cold_starts", "working_set", "interference"]
    return outcome.directory


def test_cold_starts_are_split_into_what_they_wait_for(directory: Path) -> None:
    (files,) = find_runs(directory)
    rows = pd.read_csv(files.experiment("cold_starts").table)
    assert rows["concurrency"].tolist() == [1, 1, 1, 2, 2, 2], "not those that keep the last company"
    assert rows["target"].is_unique
    parts = rows[["waiting_s", "downloading_s", "unpacking_s", "loading_s", "answering_s"]]
    assert (parts > 0).all().all(), "each target is an archive of its own, so each is unpacked"
    assert parts.sum(axis=1).to_numpy() == pytest.approx(rows["seconds"].to_numpy(), abs=2e-5)
    assert (rows["loading_s"] > rows["downloading_s"]).all()
    assert rows["warm_seconds"].max() < rows["seconds"].min()
    for at_once in (1, 2):
        group = rows[rows["concurrency"] == at_once]
        asked = group["asked_s"].to_numpy()
        answered = asked + group["seconds"].to_numpy() - 0.001  # as they are rounded
        under_way = (asked[None] <= asked[:, None]) & (asked[:, None] < answered[None])
        assert under_way.sum(axis=1).tolist() == [min(at_once, number + 1) for number in range(len(group))]
        assert np.diff(np.sort(asked)[at_once - 1 :]).max() < group["seconds"].max() + 0.5, "without a pause"


def test_a_working_set_that_fits_hits_and_one_that_does_not_misses(directory: Path) -> None:
    (files,) = find_runs(directory)
    run = read_run(files.run)
    assert run.complete
    assert run.capacity is not None
    cells = pd.read_csv(files.experiment("working_set").table).set_index("targets")
    small, large = cells.iloc[0], cells.iloc[1]
    assert small["ratio"] < 1 < large["ratio"] == 2
    assert (small["hit_ratio"], small["cold_starts_per_s"]) == (1, 0), "nothing of it was evicted"
    # What an earlier experiment left in memory is, where those that run now grow.
    assert small["evictions"] <= run.capacity.fits - int(cells.index.min())
    assert large["evictions"] > small["evictions"]
    # Of few requests, as on a busy machine, by chance as many more or less hit.
    asked = large["requests_per_s"] * STAGE_SECONDS
    assert abs(large["prediction_error"]) < max(0.3, 1.5 / np.sqrt(asked))
    assert large["cold_p50_ms"] > 3 * small["warm_p50_ms"]
    assert large["requests_per_s"] < small["requests_per_s"] / 2


def test_neighbours_that_load_are_seen(directory: Path) -> None:
    (files,) = find_runs(directory)
    table = pd.read_csv(files.experiment("interference").table).set_index("phase")
    assert table["requests"]["alone"] == 240
    assert table["requests"]["between"] + table["requests"]["during"] == 240
    assert table["requests"]["during"] > 5
    assert table["failures"].sum() == 0


def test_the_report_draws_each_and_says_what_they_show(directory: Path) -> None:
    report = write_report(directory)
    (files,) = find_runs(directory)
    for kind in ("cold_starts", "working_set", "interference"):
        assert files.experiment(kind).chart.read_bytes().startswith(b"\x89PNG")
    text = "\n".join(report.findings)
    assert "a cold start takes" in text
    assert "1 at once" in text
    assert "2 at once" in text
    assert "thrash begins at" in text
    assert "while a neighbour is being loaded" in text
    assert len(report.summary) == 1, "loads of experiments are no stages of the run"
