import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmebench.figures.statistics import (
    Estimate,
    estimate_mean,
    estimate_percentiles,
    estimate_rate,
    estimate_slope,
    find_percentiles,
    find_percentiles_of_groups,
)

SHARES = (0.5, 0.9, 0.95, 0.99, 0.999)
RUNS = 400


def latencies(length: int, memory: float) -> npt.NDArray[np.float64]:
    """A row a run: lognormal latencies of an AR(1) queue, whose values remember ``memory`` of the one before."""
    random = np.random.default_rng((length, round(memory * 100)))
    level = np.empty((RUNS, length))
    level[:, 0] = random.standard_normal(RUNS)
    noise = random.standard_normal((RUNS, length)) * math.sqrt(1 - memory**2)
    for at in range(1, length):
        level[:, at] = memory * level[:, at - 1] + noise[:, at]
    return np.exp(level)


def coverage(runs: npt.NDArray[np.float64], truth: float, estimate: Callable[..., Estimate]) -> float:
    """The share of the runs whose interval holds the truth."""
    found = [estimate(run) for run in runs]
    return sum(interval.low <= truth <= interval.high for interval in found) / len(found)


@pytest.mark.parametrize(("length", "memory"), [(200, 0.0), (2000, 0.5), (4000, 0.9)])
def test_intervals_of_the_mean_hold_it_95_times_in_100(length: int, memory: float) -> None:
    assert 0.91 <= coverage(latencies(length, memory), math.exp(0.5), estimate_mean) <= 0.99


@pytest.mark.parametrize(
    ("length", "memory", "share"),
    [(500, 0.0, 0.5), (2000, 0.0, 0.99), (2000, 0.5, 0.9), (4000, 0.9, 0.5), (4000, 0.9, 0.95), (8000, 0.9, 0.99)],
)
def test_intervals_of_percentiles_hold_them_95_times_in_100(length: int, memory: float, share: float) -> None:
    truth = math.exp(NormalDist().inv_cdf(share))

    def estimate(run: npt.NDArray[np.float64]) -> Estimate:
        return estimate_percentiles(run, (share,))[0]

    assert 0.91 <= coverage(latencies(length, memory), truth, estimate) <= 0.995


def test_what_is_taken_for_independent_would_be_far_too_sure() -> None:
    runs = latencies(4000, 0.9)
    shuffled = np.random.default_rng(0).permuted(runs, axis=1)
    assert coverage(shuffled, math.exp(0.5), estimate_mean) < 0.75


def test_intervals_of_independent_values_are_as_narrow_as_theory_says() -> None:
    values = np.random.default_rng(1).standard_normal(100_000)
    mean = estimate_mean(values)
    assert mean.high - mean.low == pytest.approx(2 * 1.96 / math.sqrt(100_000), rel=0.5)
    (median,) = estimate_percentiles(values, (0.5,))
    assert median.high - median.low == pytest.approx(2 * 1.96 * math.sqrt(math.pi / 2 / 100_000), rel=0.5)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=300))
def test_percentiles_are_where_numpy_says(values: list[int]) -> None:
    array = np.array(values)
    before = array.copy()
    for share, found, estimate in zip(
        SHARES, find_percentiles(array.copy(), SHARES), estimate_percentiles(array, SHARES), strict=True
    ):
        carried = round(len(values) * (1 - share), 9) >= 1
        assert math.isnan(found) is not carried
        if carried:
            assert found == np.quantile(array, share, method="inverted_cdf")
            assert estimate.value == found
            assert math.isnan(estimate.low) or estimate.low in values
            assert math.isnan(estimate.high) or estimate.high in values
            assert not estimate.low > found
            assert not estimate.high < found
    assert (array == before).all(), "the values stay in their order"


def test_percentiles_are_observed_values() -> None:
    values = np.random.default_rng(0).permutation(np.arange(1.0, 201.0))
    assert find_percentiles(values, (0.5, 0.9, 0.99)) == [100, 180, 198]


def test_a_percentile_that_would_be_the_maximum_is_not_given() -> None:
    assert math.isnan(find_percentiles(np.arange(71.0), (0.99,))[0])
    assert find_percentiles(np.arange(1.0, 101.0), (0.99,)) == [99]
    assert math.isnan(find_percentiles(np.array([]), (0.5,))[0])
    assert all(math.isnan(figure) for figure in estimate_percentiles(np.arange(71.0), (0.99,))[0])


def test_a_bound_beyond_the_values_is_not_given() -> None:
    (p99,) = estimate_percentiles(np.arange(200.0), (0.99,))
    assert p99.low < p99.value == 197
    assert math.isnan(p99.high)


def test_few_values_have_figures_and_no_intervals() -> None:
    values = np.arange(1.0, 40.0)
    for estimate in (estimate_mean(values), *estimate_percentiles(values, (0.5,))):
        assert estimate.value == 20
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)
    assert all(math.isnan(figure) for figure in estimate_mean(np.array([])))


def test_equal_values_are_known_exactly() -> None:
    values = np.full(1000, 7)
    assert estimate_mean(values) == (7, 7, 7)
    assert estimate_percentiles(values, (0.9,)) == [(7, 7, 7)]


def test_scaled_to_another_unit() -> None:
    assert Estimate(2.0, 1.0, 4.0).scaled(0.5) == (1, 0.5, 2)


def test_a_rate_and_how_far_it_may_be_off() -> None:
    random = np.random.default_rng(11)
    held = 0
    for _ in range(200):
        times = np.cumsum(random.exponential(1 / 50, 2000))
        estimate = estimate_rate(times, 0.0, 30.0)
        assert estimate.value == pytest.approx(np.count_nonzero(times < 30) / 30)
        held += estimate.low <= 50 <= estimate.high
    assert 180 <= held <= 199, "95 in 100"
    even = estimate_rate(np.arange(0, 10, 0.1), 0.0, 10.0)
    assert even.high - even.low < 0.5
    assert math.isnan(estimate_rate(np.arange(0, 10, 0.5), 0.0, 10.0).low), "too few"
    assert math.isnan(estimate_rate(np.arange(3.0), 5.0, 5.0).value)


def test_a_slope_and_its_interval() -> None:
    at = np.arange(400.0)
    assert estimate_slope(at, 5 + 3 * at) == pytest.approx((3, 3, 3))
    assert estimate_slope(at, np.full(400, 7.0)) == (0, 0, 0), "known exactly"
    assert estimate_slope(at[:10], 2 * at[:10]) == pytest.approx((2, math.nan, math.nan), nan_ok=True)
    assert all(math.isnan(bound) for bound in estimate_slope(at[:1], at[:1]))


def test_the_interval_of_a_slope_holds_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    at, held = np.arange(200.0), 0
    for _ in range(400):
        slope = estimate_slope(at, 0.5 * at + random.normal(0, 20, len(at)))
        held += slope.low < 0.5 < slope.high
    assert 0.92 < held / 400 < 0.98


@pytest.mark.parametrize("factor", [1, 10**12])
def test_percentiles_of_many_groups_are_those_of_each(factor: int) -> None:
    """Also of values so large that they cannot be sorted together with their group as one number."""
    random = np.random.default_rng(0)
    values = random.integers(0, 10**6, 3000) * factor
    groups = random.integers(0, 60, 3000) ** 2 % 59
    shares = (0.0, 0.5, 0.95, 0.99, 0.999)
    found = find_percentiles_of_groups(values, groups, 61, shares)
    sizes = np.bincount(groups, minlength=61)
    assert sizes.min() == 0
    assert sizes.max() > 100
    for group in range(61):
        expected = find_percentiles(values[groups == group], shares)
        np.testing.assert_array_equal(found[group], expected)
    assert find_percentiles_of_groups(values[:0], groups[:0], 0, shares).shape == (0, 5)
