from pathlib import Path

import pandas as pd
import pytest

from mmebench.benchmark.experiments.working_set.figures import find_thrash, summarise_working_set
from mmebench.record.run import Capacity, FirstInvocation, StageWindow
from mmebench.record.sightings import Sighting, write_sightings
from support.samples import Sample, sample_table, write_run

WINDOW = StageWindow(users=2, start=0, ready=1, end=11)


def load(warm: int, cold: int) -> list[Sample]:
    """So many in the window, 20 ms the warm and 500 ms the cold; one cold start of the warm-up does not count."""
    samples = [Sample(0, 900, cold=True, target="v0")]
    samples += [Sample(1500 + 10 * n, 1520 + 10 * n, cold=False, target="v0") for n in range(warm)]
    samples += [Sample(4000 + n, 4500 + n, cold=True, target="v1") for n in range(cold)]
    return samples


def test_a_row_for_each_popularity_and_number_of_targets(tmp_path: Path) -> None:
    write_run(tmp_path / "zipf0", sample_table(load(100, 0)), (WINDOW,), targets=4)
    write_run(tmp_path / "zipf0", sample_table(load(60, 40)), (WINDOW,), targets=10)
    write_run(tmp_path / "zipf1.2", sample_table(load(90, 10)), (WINDOW,), targets=10)
    write_run(tmp_path / "zipf1.2", sample_table(load(90, 10)), (WINDOW,), targets=20, complete=False)
    cells = summarise_working_set(tmp_path, fits=5)
    assert cells[["zipf", "targets", "ratio"]].to_numpy().tolist() == [[0, 4, 0.8], [0, 10, 2], [1.2, 10, 2]]
    assert cells["hit_ratio"].tolist() == pytest.approx([1, 0.6, 0.9])
    assert cells["predicted_hit_ratio"][0] == 1
    assert cells["predicted_hit_ratio"][1] == pytest.approx(0.5, abs=0.01)
    assert cells["prediction_error"][1] == pytest.approx(0.1, abs=0.01)
    assert cells["cold_starts_per_s"].tolist() == pytest.approx([0, 4, 1])
    assert cells["cold_time_share"].tolist() == pytest.approx([0, 20 / 21.2, 5 / 6.8])
    assert cells["requests_per_s"].tolist() == pytest.approx([10, 10, 10])
    assert cells["warm_p50_ms"].tolist() == pytest.approx([20, 20, 20])
    assert cells["cold_p50_ms"][1:].tolist() == pytest.approx([500, 500])
    # Of five targets, each asked for twice a second at random, one is forgotten after some seconds.
    assert pd.isna(cells["predicted_lru_age_s"][0])
    assert cells["resident"].isna().all(), "nobody looked"
    assert cells["predicted_lru_age_s"][1] == pytest.approx(0.69, abs=0.01)


def test_where_nobody_says_what_was_cold_it_is_inferred(tmp_path: Path) -> None:
    """Two fit: v0, the most popular one, and v1 are there at first."""
    asked = [("v0", 20), ("v1", 20), ("v2", 500), ("v0", 500), ("v0", 20)]
    samples = [
        Sample(1500 + 1000 * n, 1500 + 1000 * n + latency, target=target)
        for n, (target, latency) in enumerate(asked)
    ]
    loads = tuple(FirstInvocation(target=f"v{n}", seconds=1, memory_used=None) for n in range(3))
    capacity = Capacity(fits=2, limited_by="eviction", bytes_per_copy=None, memory_budget=None, loads=loads)
    write_run(tmp_path / "zipf0", sample_table(samples), (WINDOW,), targets=3, capacity=capacity)
    (row,) = summarise_working_set(tmp_path, fits=2).to_dict("records")
    assert row["cold_inferred"]
    assert row["hit_ratio"] == pytest.approx(3 / 5)
    assert row["cold_time_share"] == pytest.approx(1000 / 1060)


def test_where_it_cannot_be_inferred_it_is_not_known(tmp_path: Path) -> None:
    write_run(tmp_path / "zipf0", sample_table([Sample(2000, 2100)]), (WINDOW,), targets=3)
    (row,) = summarise_working_set(tmp_path, fits=2).to_dict("records")
    assert not row["cold_inferred"]
    assert pd.isna(row["hit_ratio"])
    assert pd.isna(row["cold_time_share"])


def test_the_age_of_the_target_that_goes_next(tmp_path: Path) -> None:
    samples = [Sample(2000, 2100, cold=False, target="v0"), Sample(3000, 3100, cold=False, target="v1")]
    files = write_run(tmp_path / "zipf0", sample_table(samples), (WINDOW,), targets=4)

    def sighting(at: float, target: str | None) -> Sighting:
        return Sighting(at, 3, 0, 0, 0, target)

    write_sightings(
        [
            sighting(0.5, "v0"),  # before the window
            sighting(2.5, "v0"),  # 0.5 s after v0 was asked for
            sighting(2.6, "v1"),  # nobody has asked for v1 yet
            sighting(5.0, "v0"),  # 3 s
            sighting(7.0, "v1"),  # 4 s
            sighting(8.0, None),
            sighting(9.0, "unknown"),
        ],
        files.sightings,
    )
    (row,) = summarise_working_set(tmp_path, fits=2).to_dict("records")
    assert row["lru_age_s"] == pytest.approx(3.0)
    assert row["resident"] == 3
    assert row["predicted_hit_ratio"] == pytest.approx(0.75, abs=0.02), "of those that were seen, not of what fits"


@pytest.mark.parametrize(
    ("shares", "begin"),
    [
        ([0, 0, 0.1, 0.3], None),
        ([0, 0.25, 0.75, 0.9], 1.5),
        ([0, 0, 0.5, 0.4], 2.0),
        ([0.6, 0.7, 0.8, 0.9], 0.5),
        ([0, float("nan"), 0.9, 0.9], 0.5 + 1.5 * 5 / 9),
    ],
)
def test_thrash_begins_where_cold_starts_take_most_of_the_time(shares: list[float], begin: float | None) -> None:
    cells = pd.DataFrame({"ratio": [0.5, 1.0, 2.0, 4.0], "cold_time_share": shares})
    found = find_thrash(cells.sample(frac=1, random_state=1))
    assert found == (begin if begin is None else pytest.approx(begin))
