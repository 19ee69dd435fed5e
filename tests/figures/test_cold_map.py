from pathlib import Path

import numpy as np

from mmebench.figures.cold_map import ColdMap, map_cold
from mmebench.figures.requests import read_requests
from support.samples import Sample, sample_table, write_run


def mapped(tmp_path: Path, samples: list[Sample]) -> ColdMap | None:
    return map_cold(read_requests(write_run(tmp_path, sample_table(samples), ()).samples, None))


def test_targets_by_popularity_and_time(tmp_path: Path) -> None:
    samples = [Sample(100 * n, 100 * n + 5, target="busy", cold=n == 0) for n in range(60)]
    samples += [Sample(5900, 5999, target="quiet", cold=True)]
    found = mapped(tmp_path, samples)
    assert found is not None
    assert (found.ranks, found.busiest) == (((1, 1), (2, 2)), ("busy", "quiet"))
    assert found.requests.shape == found.cold.shape == (2, 60)
    assert found.requests.sum(axis=1).tolist() == [60, 1]
    assert np.argwhere(found.cold).tolist() == [[0, 0], [1, 59]]
    assert 60 * found.seconds > 5.9


def test_neighbours_of_very_many_are_put_together(tmp_path: Path) -> None:
    samples = [
        Sample(n, n + 5, target=f"{target:03}", cold=target == 149)
        for target in range(150)
        for n in range(200 - target)
    ]
    found = mapped(tmp_path, samples)
    assert found is not None
    assert len(found.ranks) == 60
    assert found.ranks[0][0] == 1
    assert found.ranks[-1][1] == 150
    assert all(first[1] + 1 == second[0] for first, second in zip(found.ranks, found.ranks[1:], strict=False))
    assert {last - first + 1 for first, last in found.ranks} == {2, 3}
    assert found.busiest[0] == "000"
    assert found.requests.sum() == len(samples)
    assert np.flatnonzero(found.cold.sum(axis=1)).tolist() == [59]


def test_there_is_none_where_nothing_was_cold_or_nobody_knows(tmp_path: Path) -> None:
    assert mapped(tmp_path / "warm", [Sample(0, 5, cold=False)]) is None
    assert mapped(tmp_path / "unknown", [Sample(0, 5)]) is None
    assert mapped(tmp_path / "none", []) is None
