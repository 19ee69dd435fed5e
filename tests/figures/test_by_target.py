import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmebench.figures.by_target import COLUMNS, summarise_targets
from mmebench.figures.requests import read_requests
from mmebench.figures.stage import summarise_stage
from mmebench.figures.statistics import find_percentiles
from mmebench.figures.summary import summarise
from mmebench.record.layout import RunFiles
from mmebench.record.run import Capacity, FirstInvocation, StageWindow, read_run
from mmebench.record.samples import read_samples, write_samples
from support.fleets import TWO, closed_loop, fleet_samples, write_fleet
from support.samples import Sample, sample_table, write_run

ONE = (StageWindow(users=1, start=0, ready=0, end=1),)


def targets_of(files: RunFiles) -> pd.DataFrame:
    run = read_run(files.run)
    return summarise_targets(read_requests(files.samples, run.capacity), run)


def capacity(*loaded: str, fits: int = 2) -> Capacity:
    loads = tuple(FirstInvocation(target=target, seconds=1, memory_used=1) for target in loaded)
    return Capacity(fits=fits, limited_by="eviction", bytes_per_copy=None, memory_budget=None, loads=loads)


@pytest.mark.parametrize(
    "stages",
    [
        closed_loop(1, 4, 16),
        (StageWindow(users=50, start=0, ready=2, end=30, rate=60, due=28 * 60),),
    ],
)
def test_a_row_a_stage_and_target_as_its_samples_have_it(stages: tuple[StageWindow, ...], tmp_path: Path) -> None:
    files = write_fleet(tmp_path, TWO, stages)
    found = targets_of(files)
    assert tuple(found.columns) == COLUMNS
    samples = read_samples(files.samples).to_pandas()
    for number, stage in enumerate(stages, 1):
        at = samples["end_ns"] if stage.rate is None else samples["intended_ns"]
        own = samples[(at >= stage.ready * 1e9) & (at < stage.end * 1e9)]
        rows = found[found["stage"] == number].set_index("target")
        assert rows["requests"].is_monotonic_decreasing
        assert rows["share"].sum() == pytest.approx(1)
        assert rows["requests"].to_dict() == own["target"].value_counts().to_dict()
        for target, row in rows.iterrows():
            mine = own[own["target"] == target].sort_values("start_ns")
            latency = (mine["end_ns"] - mine["intended_ns"]).to_numpy(copy=True)
            expected = np.array(find_percentiles(latency, (0.5, 0.95, 0.99))) / 1e6
            np.testing.assert_allclose(row[["p50_ms", "p95_ms", "p99_ms"]].to_numpy(float), expected)
            assert row["cold_starts"] == mine["cold"].sum()
            assert row["model"] == str(target).partition("-")[0]
            assert row["idle_s"] == pytest.approx(mine["start_ns"].diff().mean() / 1e9, nan_ok=True)
    for number, cold in enumerate(summarise(tmp_path)["cold_starts"], 1):
        assert found[found["stage"] == number]["cold_starts"].sum() == cold


def test_what_was_in_memory_before_was_evicted(tmp_path: Path) -> None:
    samples = [
        Sample(100, 200, cold=True, target="filled"),  # when the endpoint was filled, it was there
        Sample(100, 200, cold=True, target="new"),  # its first load ever
        Sample(150, 205, cold=True, target="new"),  # waits for the same
        Sample(300, 310, cold=False, target="new"),
        Sample(400, 500, cold=True, target="new"),  # and a second
        Sample(600, 700, cold=True, target="new", error="ModelError", status=424),
        Sample(100, 110, cold=False, target="warm"),
    ]
    files = write_run(tmp_path, sample_table(samples), ONE, capacity=capacity("filled", "warm"))
    rows = targets_of(files).set_index("target")
    assert rows["cold_starts"].to_dict() == {"filled": 1, "new": 3, "warm": 0}
    assert rows["evictions"].to_dict() == {"filled": 1, "new": 1, "warm": 0}
    assert rows["failures"].to_dict() == {"filled": 0, "new": 1, "warm": 0}
    assert rows["idle_s"]["new"] == pytest.approx(0.125)
    assert math.isnan(rows["idle_s"]["warm"])
    assert rows["model"].isna().all(), "it is a run of one model"


def test_a_first_load_in_the_warm_up_is_none_within_the_window(tmp_path: Path) -> None:
    window = (StageWindow(users=1, start=0, ready=0.5, end=1),)
    samples = [Sample(at, at + 50, cold=True, target="a") for at in (100, 600, 700)]
    (row,) = targets_of(write_run(tmp_path, sample_table(samples), window)).to_dict("records")
    assert (row["requests"], row["cold_starts"], row["evictions"]) == (2, 2, 2)


def test_where_the_endpoint_does_not_say_what_was_cold_it_is_inferred_or_unknown(tmp_path: Path) -> None:
    samples = sample_table([Sample(10 * n, 10 * n + 5, target="abc"[n % 3]) for n in range(60)])
    unknown = targets_of(write_run(tmp_path / "unknown", samples, ONE))
    assert unknown[["cold_starts", "evictions"]].isna().all(axis=None)
    assert unknown["requests"].tolist() == [20] * 3
    inferred = targets_of(write_run(tmp_path / "inferred", samples, ONE, capacity=capacity("a", "b")))
    assert inferred["cold_starts"].tolist() == [19, 19, 20], "three in turn where two fit"
    assert inferred["evictions"].sum() == 57, "all but the first of c"


def test_latencies_that_few_answers_do_not_carry_are_empty(tmp_path: Path) -> None:
    samples = [Sample(n, n + 5, target="many") for n in range(100)] + [Sample(1, 5, target="one")]
    samples += [Sample(1, 5, target="failed", error="ModelError", status=424)]
    rows = targets_of(write_run(tmp_path, sample_table(samples), ONE)).set_index("target")
    assert rows.loc[["many"], ["p50_ms", "p95_ms", "p99_ms"]].to_numpy().tolist() == [[5, 5, 5]]
    assert rows.loc[["one", "failed"], ["p50_ms", "p95_ms", "p99_ms"]].isna().all(axis=None)
    assert rows["failures"].to_dict() == {"many": 0, "one": 0, "failed": 1}


def test_a_load_that_broke_in_its_first_stage_has_no_row(tmp_path: Path) -> None:
    assert targets_of(write_run(tmp_path / "a", sample_table([Sample(0, 5)]), ())).empty
    assert targets_of(write_run(tmp_path / "b", sample_table([]), ONE)).empty


def test_samples_in_many_pieces_are_the_same(tmp_path: Path) -> None:
    stages = closed_loop(4)
    files, samples = write_fleet(tmp_path, TWO, stages), fleet_samples(TWO, stages)
    whole = targets_of(files)
    turns = [samples.take(np.arange(first, len(samples), 2)).slice(0) for first in (1, 0)]
    write_samples(
        (sample_table([]) if not len(turn) else turn.unify_dictionaries() for turn in turns), files.samples
    )
    pd.testing.assert_frame_equal(targets_of(files), whole)
    assert whole["requests"].sum() == summarise_stage(stages[0], samples).successes
