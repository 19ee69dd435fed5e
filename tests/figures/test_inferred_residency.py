from pathlib import Path

import numpy as np
import pytest

from mmebench.figures.inferred_residency import infer_cold, with_inferred
from mmebench.figures.summary import summarise
from mmebench.record.run import Capacity, FirstInvocation, StageWindow
from mmebench.record.samples import read_samples, write_samples
from support.samples import Sample, sample_table, write_run


def capacity(fits: int, loaded: str) -> Capacity:
    loads = tuple(FirstInvocation(target=name, seconds=1, memory_loaded=1, memory_used=1) for name in loaded)
    return Capacity(fits=fits, limited_by="eviction", bytes_per_copy=None, memory_budget=None, loads=loads)


def asked(targets: str, cold: str | None = None) -> list[Sample]:
    return [
        Sample(1000 + 10 * n, 1005 + 10 * n, target=name, cold=None if cold is None else cold[n] == "c")
        for n, name in enumerate(targets)
    ]


def test_what_should_have_been_in_memory_says_which_were_cold(tmp_path: Path) -> None:
    """Two fit: b and c were loaded last; the file's order is not that of the requests."""
    samples = asked("bcabbc")
    path = tmp_path / "samples.parquet"
    write_samples(iter([sample_table(samples[3:]), sample_table(samples[:3])]), path)
    cold = infer_cold(path, capacity(2, "abc"))
    assert cold is not None
    # b and c are there; a pushes b out; b pushes c out, is there, and c is not.
    assert cold.tolist() == [True, False, True, False, False, True]
    flagged = with_inferred(read_samples(path), cold)
    assert flagged["cold"].to_pylist() == cold.tolist()
    assert flagged.schema.names == read_samples(path).schema.names


def test_an_endpoint_that_says_so_itself_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    write_samples(iter([sample_table([*asked("ab"), *asked("a", "c")])]), path)
    assert infer_cold(path, capacity(1, "a")) is None
    write_samples(iter([sample_table(asked("ab"))]), path)
    assert infer_cold(path, None) is None, "nobody knows how many fit"
    assert infer_cold(path, capacity(1, "a")) is not None


def test_targets_that_the_load_never_asks_for_take_room_too(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    write_samples(iter([sample_table(asked("aba"))]), path)
    cold = infer_cold(path, capacity(2, "xya"))
    assert cold is not None
    assert cold.tolist() == [False, True, False]


@pytest.mark.parametrize("told", [True, False])
def test_the_summary_says_whether_cold_starts_were_seen_or_inferred(tmp_path: Path, told: bool) -> None:
    stages = (StageWindow(users=1, start=0, ready=1, end=3),)
    samples = asked("abcab" * 20, "c" * 100 if told else None)
    write_run(tmp_path, sample_table(samples), stages, capacity=capacity(2, "ab"))
    (row,) = summarise(tmp_path).to_dict("records")
    assert row["cold_inferred"] == (not told)
    assert row["cold_starts"] == (100 if told else np.count_nonzero(replayed("abcab" * 20)))


def replayed(targets: str) -> list[bool]:
    """The same by hand: two fit, a and b at first."""
    resident, cold = ["a", "b"], []
    for target in targets:
        cold.append(target not in resident)
        resident = [*[each for each in resident if each != target][-1:], target]
    return cold
