import math

import numpy as np
import pandas as pd
import pytest

from mmebench.figures.cost import find_front, most_per_dollar, of_time, per_million, per_target_hour
from mmebench.spec import Objectives


def stage(
    instance_type: str, platform: str, usd: float, rate: float, p99: float, failed: int = 0
) -> dict[str, object]:
    return {
        "instance_type": instance_type,
        "platform": platform,
        "usd_per_hour": usd,
        "Requests/s": rate,
        "throughput_low_per_s": rate * 0.95,
        "throughput_high_per_s": rate * 1.05,
        "offered_per_s": float("nan"),
        "User Count": 4,
        "targets": 9,
        "p99_ms": p99,
        "Successful Requests": 1000,
        "Failed Requests": failed,
    }


def test_figures() -> None:
    assert per_million(3.6, 100) == pytest.approx(10.0), "360,000 an hour for $3.60"
    assert math.isnan(per_million(3.6, 0))
    assert per_target_hour(1.5, 30) == pytest.approx(0.05)
    assert math.isnan(per_target_hour(1.5, 0))
    assert of_time(1.5, 1800) == pytest.approx(0.75)


def test_most_for_a_dollar_within_the_objectives() -> None:
    summary = pd.DataFrame(
        [
            stage("ml.g5.xlarge", "pt", 1.5, 100, 50),
            stage("ml.g5.xlarge", "pt", 1.5, 300, 900),  # misses the objective
            stage("ml.g5.xlarge", "trt", 1.5, 240, 60),
            stage("ml.g4dn.xlarge", "trt", 0.75, 150, 80),
            stage("ml.g4dn.xlarge", "trt", 0.75, 400, 80, failed=10),
        ]
    )
    choice = most_per_dollar(summary, Objectives(p99=0.1, failures=0))
    assert choice is not None
    assert (choice.instance_type, choice.platform) == ("ml.g4dn.xlarge", "trt")
    assert choice.per_dollar == pytest.approx(720_000)
    assert choice.reason == (
        "trt on ml.g4dn.xlarge serves 720,000 inferences for a dollar (150 requests/s at $0.75 an hour), "
        "25% more than trt on ml.g5.xlarge, the next"
    )


def test_what_is_within_the_intervals_is_not_called_more() -> None:
    summary = pd.DataFrame([stage("ml.g5.xlarge", "pt", 1.5, 100, 50), stage("ml.g5.xlarge", "trt", 1.5, 103, 50)])
    choice = most_per_dollar(summary, Objectives())
    assert choice is not None
    assert choice.reason.endswith("3% more than pt on ml.g5.xlarge, the next, which may be chance")


def test_runs_that_differ_in_their_targets_are_not_taken_for_one() -> None:
    """The best stage of 20 targets says nothing of what 9 serve."""
    few = [stage("ml.g5.xlarge", "pt", 1.5, rate, 50) for rate in (50, 60)]
    many = [stage("ml.g5.xlarge", "pt", 1.5, rate, 900) | {"targets": 20} for rate in (300, 310)]
    choice = most_per_dollar(pd.DataFrame([*few, *many]), Objectives(p99=0.1))
    assert choice is not None
    assert choice.per_dollar == pytest.approx(60 * 3600 / 1.5)
    both = most_per_dollar(pd.DataFrame([*few, *many]), Objectives(failures=0))
    assert both is not None
    assert both.reason.endswith("more than pt on ml.g5.xlarge with 9 targets, the next")


def test_no_choice_without_prices_or_without_a_load_that_was_served_well() -> None:
    priced = pd.DataFrame([stage("ml.g5.xlarge", "pt", 1.5, 100, 500)])
    assert most_per_dollar(priced.drop(columns="usd_per_hour"), Objectives()) is None
    assert most_per_dollar(priced, Objectives(p99=0.1)) is None
    alone = most_per_dollar(priced, Objectives())
    assert alone is not None
    assert "the next" not in alone.reason


def test_the_front_is_what_no_stage_beats_in_cost_and_latency() -> None:
    summary = pd.DataFrame(
        {
            "usd_per_million_inferences": [5.0, 1.0, 3.0, 2.0, 0.5, np.nan],
            "p99_ms": [10.0, 90.0, 40.0, 50.0, 1.0, 1.0],
            "Failed Requests": [0, 0, 0, 0, 7, 0],
        }
    )
    assert find_front(summary)["usd_per_million_inferences"].tolist() == [1, 2, 3, 5]
    worse = pd.concat([summary, summary.iloc[[2]].assign(p99_ms=60.0)])
    assert find_front(worse)["p99_ms"].tolist() == [90, 50, 40, 10]
    late = summary.assign(not_started=[0, 3, np.nan, 0, 0, 0])
    assert find_front(late)["usd_per_million_inferences"].tolist() == [2, 3, 5], "one never started some"
