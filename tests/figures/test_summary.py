import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mmebench.errors import BadInputError
from mmebench.figures.columns import stage_columns
from mmebench.figures.failures import Failures
from mmebench.figures.stage import summarise_stage
from mmebench.figures.summary import summarise
from mmebench.record.run import StageWindow
from mmebench.record.samples import write_samples
from mmebench.spec import Objectives
from support.samples import Sample, sample_table, write_run

HISTORY = "Timestamp,User Count,Name,Total Request Count,Total Failure Count,Total Average Response Time\n"

MISSION = [
    "model_name", "instance_type", "platform", "max_models_loaded", "User Count", "Requests/s",
    "Total Median Response Time", "Total Average Response Time", "Total Min Response Time",
    "Total Max Response Time", "Successful Requests", "Failed Requests",
]  # fmt: skip


def test_a_row_a_stage_with_established_columns_first(tmp_path: Path) -> None:
    samples = [Sample(at, at + 5, cold=at == 0) for at in range(0, 2000, 10)]
    samples += [Sample(1000, 1500, "ModelError", status=424)]
    stages = (
        StageWindow(users=1, start=0, ready=0, end=1, client_cpu=0.5),
        StageWindow(users=2, start=1, ready=1, end=2, client_cpu=0.9, note="a probe"),
    )
    files = write_run(tmp_path, sample_table(samples), stages, {"p99": 0.004})
    files.stats.write_text("Name,Request Count\nInvokeEndpoint,201\nAggregated,402\n")
    summary = summarise(tmp_path)
    assert list(summary.columns[: len(MISSION)]) == MISSION
    first, second = summary.to_dict("records")
    assert (first["User Count"], second["User Count"]) == (1, 2)
    assert (first["Successful Requests"], second["Successful Requests"]) == (100, 100)
    assert (first["cold_starts"], second["cold_starts"]) == (1, 0)
    assert (first["status_424"], second["status_424"]) == (0, 1)
    assert (first["client_limited"], second["client_limited"]) == (False, True)
    assert (first["p99_ms"], first["goodput_share"], first["goodput_within_ms"]) == (5, 0, 4)
    assert first["samples_over_locust"] == 0.5
    assert second["note"] == "a probe"
    assert sum(second[field.name] for field in fields(Failures)) == second["Failed Requests"] == 1
    assert all(name.replace("_", "").isalnum() and name.islower() for name in summary.columns[len(MISSION) :])


def test_samples_of_other_stages_are_not_needed(tmp_path: Path) -> None:
    """A stage reads what overlaps with it, which for an open loop is more than what ended in it."""
    samples = [Sample(at, at + 1500) for at in range(0, 6000, 10)]
    window = StageWindow(users=200, start=1, ready=2, end=3, rate=100, due=100, not_started=0)
    write_run(tmp_path, sample_table(samples), (window,))
    (row,) = summarise(tmp_path).to_dict("records")
    assert (row["Successful Requests"], row["offered_per_s"], row["achieved_over_offered"]) == (100, 100, 1)
    assert row["littles_law"] == pytest.approx(1)


def test_a_stage_is_summarised_alike_whether_in_one_piece_or_in_many(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    start, wait = np.sort(random.random(60_000) * 6000), random.exponential(200, 60_000)
    samples = sample_table(
        [
            Sample(at, at + for_, "ModelError" if cold < 0.01 else None, cold=bool(cold > 0.9), first_byte=at + 1)
            for at, for_, cold in zip(start.tolist(), wait.tolist(), random.random(60_000).tolist(), strict=True)
        ]
    )
    stages = (
        StageWindow(users=1000, start=0, ready=1, end=5, rate=10_000, due=40_000, not_started=7),
        StageWindow(users=1000, start=0, ready=1, end=5),
        StageWindow(users=1000, start=100, ready=100, end=101),
    )
    files = write_run(tmp_path, samples, stages, {"p99": 0.9})
    # Two processes that took turns: first what every other request was, then the rest, in pieces of 1000.
    turns = pa.concat_tables([samples.take(np.arange(first, 60_000, 2)) for first in (0, 1)])
    write_samples((turns.slice(at, 1000) for at in range(0, 60_000, 1000)), files.samples)
    found, objectives = summarise(tmp_path), Objectives(p99=0.9)
    whole = pd.DataFrame([stage_columns(summarise_stage(stage, samples, objectives)) for stage in stages[:2]])
    pd.testing.assert_frame_equal(found[whole.columns][:2], whole, check_dtype=False)
    assert (found["Successful Requests"] > 30_000).tolist() == [True, True, False], "there is none in the third"


def test_without_locusts_files_nothing_is_compared_with_them(tmp_path: Path) -> None:
    stages = (StageWindow(users=1, start=0, ready=0, end=1),)
    files = write_run(tmp_path, sample_table([Sample(0, 10)]), stages)
    assert math.isnan(summarise(tmp_path)["samples_over_locust"][0])
    files.stats.write_text("a,b\n1,2\n")
    with pytest.raises(BadInputError, match="not the statistics of Locust"):
        summarise(tmp_path)


def test_objectives_of_another_version_are_refused(tmp_path: Path) -> None:
    stages = (StageWindow(users=1, start=0, ready=0, end=1),)
    write_run(tmp_path, sample_table([Sample(0, 10)]), stages, {"p42": 1})
    with pytest.raises(BadInputError, match="p42"):
        summarise(tmp_path)


def test_a_foreign_directory_in_this_layout(tmp_path: Path) -> None:
    rows = "".join(f"{second},20,InvokeEndpoint,{10 * second},0,25.0\n" for second in range(30))
    (tmp_path / "ml.g4dn.2xlarge*trt*42_stats_history.csv").write_text(HISTORY + rows)
    summary = summarise(tmp_path)
    (row,) = summary.to_dict("records")
    assert list(summary.columns[: len(MISSION)]) == MISSION
    assert (row["instance_type"], row["platform"]) == ("ml.g4dn.2xlarge", "trt")
    assert (row["max_models_loaded"], row["User Count"]) == (42, 20)
    assert row["Requests/s"] == pytest.approx(10)
    assert row["basis"] == "locust history"
    for unknown in ("p99_ms", "status_429", "client_limited", "precision"):
        assert row[unknown] is None or math.isnan(row[unknown])


def test_a_directory_without_results(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no results"):
        summarise(tmp_path)
    with pytest.raises(BadInputError, match="no such directory"):
        summarise(tmp_path / "none")


def test_a_history_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ml.g5.xlarge*pt*3_stats_history.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInputError, match="not a stats history"):
        summarise(tmp_path)
