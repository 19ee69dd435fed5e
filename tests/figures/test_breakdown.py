from pathlib import Path

import pytest

from mmebench.figures.breakdown import break_down
from support.samples import Sample, sample_table, write_run


def test_requests_are_told_by_target_and_failures_by_what_went_wrong(tmp_path: Path) -> None:
    samples = [Sample(n, n + 10, target="busy.tar.gz", cold=n == 0) for n in range(300)]
    samples += [Sample(n, n + 0.4, target="quiet.tar.gz", cold=False) for n in range(20)]
    samples += [
        Sample(5000 + n, 5001 + n, target="quiet.tar.gz", error="ModelError", status=424) for n in range(3)
    ]
    samples += [Sample(4000, 4100, target="busy.tar.gz", error="ReadTimeout", status=0)]
    files = write_run(tmp_path, sample_table(samples), ())
    targets, errors = break_down(files.samples)
    busy, quiet = targets.to_dict("records")
    assert (busy["target"], busy["requests"], busy["failures"], busy["cold_starts"]) == ("busy.tar.gz", 301, 1, 1)
    assert (busy["p50_ms"], busy["p99_ms"]) == pytest.approx((10, 10))
    assert (quiet["requests"], quiet["failures"]) == (23, 3)
    assert quiet["p50_ms"] == pytest.approx(0.4)
    assert quiet["p99_ms"] != quiet["p99_ms"], "twenty answers carry no p99"
    model, timeout = errors.to_dict("records")
    assert (model["status"], model["error"], model["requests"], model["targets"]) == (424, "ModelError", 3, 1)
    assert model["first_s"] == pytest.approx(5.001)
    assert (timeout["error"], timeout["requests"]) == ("ReadTimeout", 1)


def test_where_nobody_tells_what_was_cold_nothing_is_said_of_it(tmp_path: Path) -> None:
    files = write_run(tmp_path, sample_table([Sample(0, 5)]), ())
    targets, errors = break_down(files.samples)
    assert targets["cold_starts"].isna().all()
    assert errors.empty


def test_a_load_without_a_request_has_neither(tmp_path: Path) -> None:
    files = write_run(tmp_path, sample_table([]), ())
    targets, errors = break_down(files.samples)
    assert targets.empty
    assert errors.empty
