"""When instances are added and removed, a minute at a time."""

from typing import Any

from mmebench.server.target_tracking import TargetTracking
from mmebench.spec.autoscaling import LocalAutoscaling


def course(invocations: list[int], instances: int = 1, **options: Any) -> list[int]:
    """How many are wanted after each minute, if all that are wanted are there at once."""
    scaling = LocalAutoscaling.model_validate({"max": 4, "invocations_per_instance": 100} | options)
    tracking = TargetTracking(scaling)
    found = []
    for minute, count in enumerate(invocations):
        instances = tracking.wanted(60.0 * minute, count, instances)
        found.append(instances)
    return found


def test_three_values_above_the_target_add_as_many_as_it_takes() -> None:
    assert course([50, 250, 250, 250]) == [1, 1, 1, 3]
    assert course([101, 101, 101]) == [1, 1, 2]
    assert course([1000, 1000, 1000]) == [1, 1, 4], "no more than max"


def test_two_or_interrupted_ones_do_not() -> None:
    assert course([250, 250, 90, 250, 250]) == [1] * 5
    assert course([100, 100, 100]) == [1] * 3, "the target itself is no alarm"


def test_after_that_it_waits_before_it_adds_more() -> None:
    assert course([150, 150, 150, 350, 350, 350, 350, 350]) == [1, 1, 2, 2, 2, 2, 2, 4]
    assert course([150, 150, 150, 350, 350, 350], scale_out_cooldown=60) == [1, 1, 2, 4, 4, 4]


def test_fifteen_calm_minutes_remove_what_is_not_needed() -> None:
    assert course([50] * 16, instances=3) == [3] * 14 + [1, 1]
    assert course([250] * 30, instances=3) == [3] * 30, "250 a minute need three"
    assert course([150] * 20, instances=4, min=3) == [4] * 14 + [3] * 6
    assert course([0] * 20, instances=2, min=2) == [2] * 20


def test_a_shorter_period_counts_by_the_minute_all_the_same() -> None:
    assert course([20, 20, 20], period=10) == [1, 1, 2]
