import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mmebench.figures.metric import METRICS, estimate_of, relative_change
from mmebench.figures.repeats import over_repeats

COLUMNS = [column for metric in METRICS.values() for column in (metric.column, metric.low, metric.high)]


def stages(users: list[int], rate: float = 50.0, p99: float = 30.0) -> pd.DataFrame:
    """Rows of a summary, with intervals as narrow as those within one run may be."""
    rows = []
    for load in users:
        row: dict[str, float | int | str | None] = dict.fromkeys(COLUMNS, 10.0)
        row |= {"Requests/s": rate, "throughput_low_per_s": rate - 0.01, "throughput_high_per_s": rate + 0.01}
        row |= {"p99_ms": p99, "p99_low_ms": p99 - 0.01, "p99_high_ms": p99 + 0.01}
        row |= {"User Count": load, "offered_per_s": math.nan, "Successful Requests": 100, "Failed Requests": 1}
        row |= {"cold_starts": 2, "not_started": None, "platform": "onnx"}
        row |= {"Total Min Response Time": p99 / 3, "Total Max Response Time": p99 * 3}
        rows.append(row)
    return pd.DataFrame(rows)


def test_figures_are_means_and_intervals_those_between_repeats() -> None:
    """Of 48, 50 and 52 the mean is 50, and Student's interval 4.303 x 2 / sqrt(3) on either side."""
    (row,) = over_repeats([stages([4], rate) for rate in (48, 50, 52)]).to_dict("records")
    assert row["Requests/s"] == 50
    assert row["throughput_high_per_s"] - 50 == pytest.approx(4.303 * 2 / math.sqrt(3))
    assert 50 - row["throughput_low_per_s"] == pytest.approx(4.303 * 2 / math.sqrt(3))
    assert (row["Successful Requests"], row["Failed Requests"], row["cold_starts"]) == (300, 3, 6)
    assert (row["repeats"], row["platform"]) == (3, "onnx")
    assert math.isnan(row["not_started"] or math.nan)


def test_stages_belong_together_by_their_load() -> None:
    """A search may try other loads the next time; what only one repeat has stays as it is."""
    rows = over_repeats([stages([2, 4, 4], 40), stages([4, 4, 8], 60)])
    assert rows["User Count"].tolist() == [2, 4, 4]
    assert rows["repeats"].tolist() == [1, 2, 2]
    assert rows["Requests/s"].tolist() == [40, 50, 50]


def test_windows_that_differ_by_a_hair_are_of_the_same_load() -> None:
    """What is offered in an open loop is counted over a window, which is never the same to the last digit."""
    first, second = (stages([4]).assign(offered_per_s=rate) for rate in (193.25, 193.25000000000006))
    assert over_repeats([first, second])["repeats"].tolist() == [2]
    assert over_repeats([first, first.assign(offered_per_s=200.0)])["repeats"].tolist() == [1]


def test_what_happened_in_one_repeat_is_said_of_all() -> None:
    busy = stages([4]).assign(client_limited=True, timeouts=3)
    (row,) = over_repeats([stages([4]).assign(client_limited=False, timeouts=1), busy]).to_dict("records")
    assert (row["client_limited"], row["timeouts"]) == (True, 4)


def test_a_figure_that_one_of_them_has_not_is_not_known() -> None:
    unknown = stages([4]).assign(p99_ms=math.nan)
    (row,) = over_repeats([stages([4]), unknown]).to_dict("records")
    assert math.isnan(row["p99_ms"])
    assert math.isnan(row["p99_low_ms"])


def differences(random: np.random.Generator, ratio: float, times: int) -> int:
    """How often a difference between two variants is called real, which differ by chance from repeat to repeat.

    Each time is a stage of its own, so that all of them are looked at together.
    """
    loads = list(range(1, times + 1))
    chances = random.normal(1.0, 0.02, (times, 2, 5))
    before, after = (
        over_repeats([_measured(loads, rate * chances[:, variant, repeat]) for repeat in range(5)])
        for variant, rate in enumerate((50, 50 * ratio))
    )
    assert len(before) == len(after) == times
    found = 0
    for (_, first), (_, second) in zip(before.iterrows(), after.iterrows(), strict=True):
        change = relative_change(*(estimate_of(row, METRICS["throughput"]) for row in (first, second)))
        found += bool(change.low > 0 or change.high < 0)
    return found


def _measured(loads: list[int], rates: NDArray[np.float64]) -> pd.DataFrame:
    columns = {"Requests/s": rates, "throughput_low_per_s": rates - 0.01, "throughput_high_per_s": rates + 0.01}
    return stages(loads).assign(**columns)


def test_equal_variants_are_not_told_apart_and_ten_percent_is_seen() -> None:
    """By the intervals within one run, each of these would have been called real."""
    random = np.random.default_rng(11)
    assert differences(random, 1.0, 20) == 0
    assert differences(random, 1.1, 20) >= 19
    assert differences(random, 1.0, 400) / 400 < 0.08
