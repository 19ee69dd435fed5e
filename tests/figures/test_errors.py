from pathlib import Path

import pytest

from mmebench.figures.errors import find_errors
from support.samples import Sample, sample_table, write_run


def test_failures_are_told_by_what_went_wrong(tmp_path: Path) -> None:
    samples = [Sample(n, n + 10) for n in range(316)]
    samples += [Sample(5000 + n, 5001 + n, target=f"{n % 2}", error="ModelError", status=424) for n in range(3)]
    samples += [Sample(4000, 4100, error="ReadTimeout", status=0)]
    model, timeout = find_errors(write_run(tmp_path, sample_table(samples), ()).samples).to_dict("records")
    assert (model["status"], model["error"], model["requests"], model["targets"]) == (424, "ModelError", 3, 2)
    assert (model["share"], model["first_s"]) == pytest.approx((3 / 320, 5.001))
    assert (timeout["error"], timeout["requests"]) == ("ReadTimeout", 1)


def test_a_load_without_a_failure_or_a_request_has_none(tmp_path: Path) -> None:
    assert find_errors(write_run(tmp_path, sample_table([Sample(0, 5)]), ()).samples).empty
    assert find_errors(write_run(tmp_path, sample_table([]), ()).samples).empty
