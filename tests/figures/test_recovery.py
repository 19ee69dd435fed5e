import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mmebench.figures.recovery import find_recovered, find_stretches
from mmebench.record.samples import SCHEMA

HAPPENS = 30.0


def samples(
    cold_until: float = 0.0, slow_until: float = 0.0, failing_until: float = 0.0, known: bool = True
) -> pa.Table:
    """A hundred requests a second for 90 s; of those in the seconds after 30 some are cold, slow, or fail."""
    due = np.arange(0, 90, 0.01)
    after = due - HAPPENS
    slow = (after >= 0) & (after < slow_until)
    latency = np.where(slow, 0.5, 0.02)
    cold = (after >= 0) & (after < cold_until) & (np.arange(len(due)) % 2 == 0)
    failed = (after >= 0) & (after < failing_until)
    nanoseconds = np.round(due * 1e9).astype(np.int64)
    columns = {
        "intended_ns": nanoseconds,
        "start_ns": nanoseconds,
        "first_byte_ns": nanoseconds,
        "end_ns": nanoseconds + np.round(latency * 1e9).astype(np.int64),
        "target": pa.array(["a"] * len(due)).dictionary_encode(),
        "status": np.full(len(due), 200, np.int16),
        "error": pa.array(["ModelError" if each else None for each in failed], pa.string()).dictionary_encode(),
        "cold": pa.array(cold) if known else pa.nulls(len(due), pa.bool_()),
        "request_bytes": np.ones(len(due), np.int64),
        "response_bytes": np.ones(len(due), np.int64),
    }
    return pa.table(columns, schema=SCHEMA)


def stretches(**course: float | bool) -> pd.DataFrame:
    return find_stretches(samples(**course), begin=10.0, happens=HAPPENS, end=90.0)  # type: ignore[arg-type]


def test_stretches_begin_at_what_happens() -> None:
    table = stretches(cold_until=8)
    assert len(table) == 60
    assert table["to_s"].iloc[14] == table["from_s"].iloc[15] == 0
    assert table["from_s"].iloc[0] == -20
    assert table["to_s"].iloc[-1] == 60
    assert table["requests"].sum() == 8000
    assert table["hit_ratio"].tolist() == pytest.approx([1.0] * 15 + [0.5] * 6 + [1.0] * 39, abs=0.01)
    assert table["p99_ms"].tolist() == pytest.approx([20.0] * 60)


def test_it_is_as_before_when_hits_and_latency_are_back() -> None:
    recovered = find_recovered(stretches(cold_until=8, slow_until=20))
    assert recovered.hits == pytest.approx(8, abs=0.01)
    assert recovered.latency == pytest.approx(20, abs=1.34)


def test_failures_are_not_as_before() -> None:
    assert find_recovered(stretches(failing_until=12)).latency == pytest.approx(12, abs=0.01)


def test_what_does_not_come_back_was_not_seen() -> None:
    recovered = find_recovered(stretches(cold_until=100, slow_until=100))
    assert recovered == (None, None)


def test_nothing_happens() -> None:
    assert find_recovered(stretches()) == (0, 0)


def test_where_nobody_says_what_was_cold() -> None:
    recovered = find_recovered(stretches(known=False, slow_until=4))
    assert recovered.hits is None
    assert recovered.latency == pytest.approx(4, abs=0.01)


def test_a_stretch_without_requests_is_not_as_before() -> None:
    table = stretches()
    table.loc[16:20, ["hit_ratio", "p99_ms"]] = np.nan
    recovered = find_recovered(table)
    assert recovered.hits == table["from_s"].iloc[21]
    assert recovered.latency == table["from_s"].iloc[21]
