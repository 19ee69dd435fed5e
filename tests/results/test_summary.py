import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmebench.errors import BadInputError
from mmebench.results.run import StageWindow
from mmebench.results.samples import SCHEMA
from mmebench.results.summary import percentile, summarise, summarise_history, summarise_stage

MS = 1_000_000


def table(rows: list[tuple[float, float, str | None, bool | None]]) -> pa.Table:
    """Samples from (start ms, end ms, error, cold)."""
    columns: dict[str, list[object]] = {
        "intended_ns": [int(start * MS) for start, *_ in rows],
        "start_ns": [int(start * MS) for start, *_ in rows],
        "first_byte_ns": [None] * len(rows),
        "end_ns": [int(end * MS) for _, end, *_ in rows],
        "target": ["a"] * len(rows),
        "status": [200 if error is None else 424 for _, _, error, _ in rows],
        "error": [error for _, _, error, _ in rows],
        "cold": [cold for *_, cold in rows],
        "request_bytes": [1] * len(rows),
        "response_bytes": [1] * len(rows),
    }
    return pa.table(columns).cast(SCHEMA)


def test_only_the_window_counts() -> None:
    stage = StageWindow(users=1, start=0, ready=1, end=2)
    samples = table(
        [(900, 999, None, False), (990, 1010, None, False), (1900, 1990, None, False), (1950, 2000, None, False)]
    )
    summary = summarise_stage(stage, samples)
    assert summary.successes == 2
    assert summary.throughput == pytest.approx(2)
    assert summary.mean == pytest.approx((20 + 90) / 2)
    assert (summary.minimum, summary.maximum) == (20, 90)


def test_failures_are_counted_and_never_averaged() -> None:
    stage = StageWindow(users=2, start=0, ready=0, end=1)
    summary = summarise_stage(
        stage, table([(0, 10, None, False), (0, 500, "ModelError", False), (10, 30, None, False)])
    )
    assert (summary.successes, summary.failures) == (2, 1)
    assert summary.mean == pytest.approx(15)
    assert summary.throughput == pytest.approx(2)


def test_a_stage_without_a_success_has_no_latency() -> None:
    summary = summarise_stage(StageWindow(users=1, start=0, ready=0, end=1), table([(0, 10, "ReadTimeout", None)]))
    assert (summary.successes, summary.failures, summary.throughput) == (0, 1, 0)
    assert math.isnan(summary.mean)
    assert math.isnan(summary.p50)
    assert math.isnan(summary.littles_law)


def test_cold_starts_are_counted_where_the_endpoint_tells() -> None:
    stage = StageWindow(users=1, start=0, ready=0, end=10)
    told = summarise_stage(stage, table([(0, 10, None, False), (10, 2000, None, True), (2000, 5000, None, True)]))
    assert told.cold_starts == 2
    assert told.cold_p50 == 1990
    untold = summarise_stage(stage, table([(0, 10, None, None)]))
    assert untold.cold_starts is None


def test_littles_law_of_users_who_always_wait() -> None:
    stage = StageWindow(users=3, start=0, ready=0, end=10)
    rows: list[tuple[float, float, str | None, bool | None]] = [
        (start, start + 20.0, None, False) for start in range(0, 9980, 20) for _ in range(3)
    ]
    assert summarise_stage(stage, table(rows)).littles_law == pytest.approx(1, abs=0.01)


def test_percentiles_are_observed_values() -> None:
    values = np.arange(1.0, 201.0)
    assert percentile(values, 0.5) == 100
    assert percentile(values, 0.9) == 180
    assert percentile(values, 0.99) == 198


def test_a_percentile_that_would_be_the_maximum_is_not_given() -> None:
    assert math.isnan(percentile(np.arange(71.0), 0.99))
    assert percentile(np.arange(1.0, 101.0), 0.99) == 99
    assert math.isnan(percentile(np.array([]), 0.5))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_percentile_is_where_numpy_says(values: list[float], share: float) -> None:
    ordered = np.sort(np.array(values))
    found = percentile(ordered, share)
    if not math.isnan(found):
        assert found == np.quantile(ordered, share, method="inverted_cdf")


def history(rows: list[tuple[int, int, int, int, float]]) -> pd.DataFrame:
    """Locust's history from (time, users, requests, failures, average), all since the start."""
    columns = [
        "Timestamp",
        "User Count",
        "Total Request Count",
        "Total Failure Count",
        "Total Average Response Time",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    return pd.concat([frame.assign(Name="InvokeEndpoint"), frame.assign(Name="Aggregated")])


def test_stages_from_since_start_averages() -> None:
    # 100 requests of 10 ms at 20 users, then 100 of 30 ms at 40 users: the average since the start says 20 ms.
    stages = summarise_history(
        history(
            [
                (0, 20, 0, 0, 0.0), (1, 20, 50, 0, 10.0), (2, 20, 100, 0, 10.0),
                (3, 40, 100, 0, 10.0), (4, 40, 150, 5, 50 / 3), (5, 40, 200, 10, 20.0),
            ]
        )
    )  # fmt: skip
    assert [stage.users for stage in stages] == [20, 40]
    assert [stage.mean for stage in stages] == [pytest.approx(10), pytest.approx(30)]
    assert [(stage.successes, stage.failures) for stage in stages] == [(100, 0), (90, 10)]
    assert stages[1].throughput == pytest.approx(45)
    assert math.isnan(stages[1].p99)


def test_a_foreign_directory_in_this_layout(tmp_path: Path) -> None:
    rows = [(second, 20, 10 * second, 0, 25.0) for second in range(30)]
    history(rows).to_csv(tmp_path / "ml.g4dn.2xlarge*trt*42_stats_history.csv", index=False)
    summary = summarise(tmp_path)
    (row,) = summary.to_dict("records")
    assert (row["instance_type"], row["platform"]) == ("ml.g4dn.2xlarge", "trt")
    assert (row["max_models_loaded"], row["User Count"]) == (42, 20)
    assert row["Requests/s"] == pytest.approx(10)
    assert row["basis"] == "locust history"


def test_a_directory_without_results(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no results"):
        summarise(tmp_path)
    with pytest.raises(BadInputError, match="no such directory"):
        summarise(tmp_path / "none")


def test_a_history_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ml.g5.xlarge*pt*3_stats_history.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInputError, match="not a stats history"):
        summarise(tmp_path)
