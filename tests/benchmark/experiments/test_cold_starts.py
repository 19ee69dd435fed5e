from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mmebench.benchmark.experiments.cold_starts.figures import (
    PARTS,
    ColdStart,
    read_cold_starts,
    summarise_cold_starts,
    write_cold_starts,
)


def cold_start(concurrency: int, seconds: float) -> ColdStart:
    return ColdStart(f"v{seconds}", concurrency, seconds, 0.1, 0.2, 0.3, 0.1, seconds - 0.7, 0.05)


def test_cold_starts_are_summed_up_by_concurrency(tmp_path: Path) -> None:
    path = tmp_path / "cold_starts.csv"
    write_cold_starts([cold_start(1, 1 + n / 10) for n in range(10)] + [cold_start(4, 2), cold_start(4, 3)], path)
    table = summarise_cold_starts(read_cold_starts(path)).set_index("concurrency")
    assert table["cold_starts"].to_dict() == {1: 10, 4: 2}
    assert table["p50_s"].to_dict() == {1: 1.4, 4: 2}, "an observed value, not between two"
    assert table["p90_s"][1] == pytest.approx(1.8)
    assert pd.isna(table["p99_s"][1]), "ten cannot carry it"
    assert table["max_s"].to_dict() == pytest.approx({1: 1.9, 4: 3})
    assert table.loc[1, list(PARTS)].sum() == pytest.approx(1.45), "the parts make up the mean"
    assert table["warm_p50_s"][4] == 0.05


def test_one_cold_start_has_no_percentiles(tmp_path: Path) -> None:
    path = tmp_path / "cold_starts.csv"
    write_cold_starts([cold_start(1, 3)], path)
    (row,) = summarise_cold_starts(read_cold_starts(path)).to_dict("records")
    assert row["max_s"] == 3
    assert all(pd.isna(row[name]) for name in ("p50_s", "p90_s", "p99_s", "warm_p50_s"))


def test_those_that_may_have_been_evicted_have_no_warm_seconds(tmp_path: Path) -> None:
    path = tmp_path / "cold_starts.csv"
    early, late = replace(cold_start(1, 1), warm_seconds=None), replace(cold_start(1, 1), asked_s=1.0)
    write_cold_starts([early, early, late, late], path)
    (row,) = summarise_cold_starts(read_cold_starts(path)).to_dict("records")
    assert row["warm_p50_s"] == 0.05


def test_an_endpoint_that_does_not_say_what_it_did(tmp_path: Path) -> None:
    path = tmp_path / "cold_starts.csv"
    write_cold_starts([ColdStart("a", 1, 2.0, None, None, None, None, None, 0.1)], path)
    table = summarise_cold_starts(read_cold_starts(path))
    assert table["max_s"].tolist() == [2.0]
    assert table[list(PARTS)].isna().all().all()
