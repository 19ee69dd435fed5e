from dataclasses import replace
from pathlib import Path

import pytest

from mmebench.benchmark.experiments.interference.figures import (
    find_saturation,
    find_tail,
    read_course,
    summarise_interference,
)
from mmebench.record.run import StageWindow
from support.samples import Sample, sample_table, write_run

STAGES = (
    StageWindow(users=256, start=0, ready=1, end=21, due=400),
    StageWindow(users=256, start=21, ready=22, end=42, due=400),
)


def steady(start: float, end: float, latency: float) -> list[Sample]:
    """Every 50 ms from ``start`` to ``end``, in seconds."""
    count = round((end - start) * 20)
    return [
        Sample(1e3 * start + 50 * n, 1e3 * start + 50 * n + latency, cold=False, target="one")
        for n in range(count)
    ]


def test_requests_are_told_apart_by_what_went_on_beside_them(tmp_path: Path) -> None:
    samples = [
        *steady(0, 1, 300),  # warm-up
        *steady(1, 21, 20),
        *steady(21, 22, 300),
        *steady(22, 30, 20),
        *steady(30, 32, 90),  # while a neighbour is loaded
        *steady(32, 42, 20),
        Sample(30_010, 31_990, cold=True, target="two"),
        Sample(35_000, 35_040, cold=False, target="two"),  # warm: it costs nothing
        Sample(36_000, 37_000, cold=True, target="three", error="ModelError", status=424),
        Sample(33_001, 33_002, target="one", error="ModelError", status=424),
    ]
    write_run(tmp_path, sample_table(samples), STAGES)
    course = read_course(tmp_path)
    assert course is not None
    assert course.cold_starts.tolist() == [[30.01, 31.99]]
    assert course.failures == (0, 1, 0)
    assert course.failed_neighbours == 1
    table = summarise_interference(course).set_index("phase")
    assert table["requests"].to_dict() == {"alone": 400, "between": 360, "during": 40}
    assert table["p50_ms"].to_dict() == pytest.approx({"alone": 20, "between": 20, "during": 90})
    assert table["p99_ms"].to_dict() == pytest.approx(
        {"alone": 20, "between": 20, "during": float("nan")}, nan_ok=True
    )
    assert table["p95_ms"].to_dict() == pytest.approx({"alone": 20, "between": 20, "during": 90})
    assert find_tail(table.reset_index()) == "p95"
    assert table["p50_over_alone"]["during"] == pytest.approx(4.5)
    assert table["max_ms"]["during"] == pytest.approx(90)


def test_a_neighbour_of_which_nobody_says_so_was_cold(tmp_path: Path) -> None:
    samples = [
        *(replace(sample, cold=None) for sample in (*steady(1, 21, 20), *steady(22, 42, 20))),
        Sample(30_010, 31_990, target="two"),
    ]
    write_run(tmp_path, sample_table(samples), STAGES)
    course = read_course(tmp_path)
    assert course is not None
    assert course.cold_starts.tolist() == [[30.01, 31.99]]
    assert summarise_interference(course).set_index("phase")["requests"]["during"] == 40


def test_a_request_that_waited_for_a_cold_start_is_one_of_its_own(tmp_path: Path) -> None:
    """It was due before the neighbour, and answered while it was loaded."""
    samples = [
        *steady(1, 21, 20),
        Sample(29_990, 30_500, cold=False, target="one"),
        Sample(30_000, 31_000, cold=True, target="two"),
    ]
    write_run(tmp_path, sample_table(samples), STAGES)
    course = read_course(tmp_path)
    assert course is not None
    table = summarise_interference(course).set_index("phase")
    assert table["requests"].to_dict() == {"alone": 400, "between": 0, "during": 1}
    assert find_tail(table.reset_index()) is None


def test_a_target_that_does_not_keep_up_alone_has_no_verdict(tmp_path: Path) -> None:
    """Each request takes 60 ms of the target and there is one every 50 ms."""
    queue = [Sample(50 * n, 60 * (n + 1), cold=False, target="one") for n in range(20 * 21)]
    write_run(tmp_path, sample_table([*queue, *steady(22, 42, 20)]), STAGES)
    course = read_course(tmp_path)
    assert course is not None
    assert find_saturation(course) == "its latency grew by 3.99 s"
    write_run(tmp_path, sample_table([*steady(1, 42, 20)]), STAGES)
    kept_up = read_course(tmp_path)
    assert kept_up is not None
    assert kept_up.rate == pytest.approx(20)
    assert find_saturation(kept_up) is None
    write_run(
        tmp_path, sample_table([*steady(1, 42, 20)]), (STAGES[0].model_copy(update={"not_started": 7}), STAGES[1])
    )
    late = read_course(tmp_path)
    assert late is not None
    assert find_saturation(late) == "7 requests were never started"


def test_what_did_not_get_to_its_end_is_no_course(tmp_path: Path) -> None:
    assert read_course(tmp_path / "missing") is None
    write_run(tmp_path, sample_table(steady(1, 21, 20)), STAGES, complete=False)
    assert read_course(tmp_path) is None
