import math

import numpy as np
import numpy.typing as npt
import pytest

from mmebench.figures.lru import characteristic_time, predict_hit_ratio, replay


def zipf(count: int, s: float) -> npt.NDArray[np.float64]:
    weights = 1 / np.arange(1, count + 1) ** s
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


@pytest.mark.parametrize("s", [0.0, 0.8, 1.2])
@pytest.mark.parametrize("ratio", [1.25, 2, 4])
def test_the_prediction_is_that_of_a_long_replay(s: float, ratio: float) -> None:
    capacity = 20
    shares = zipf(int(capacity * ratio), s)
    requests = np.random.default_rng(7).choice(len(shares), 200_000, p=shares)
    misses = replay(requests.tolist(), capacity)[1000:]
    assert predict_hit_ratio(shares, capacity) == pytest.approx(1 - misses.mean(), abs=0.01)


def test_a_uniform_popularity_hits_in_proportion() -> None:
    assert predict_hit_ratio(np.full(100, 0.01), 25) == pytest.approx(0.25, abs=0.001)


def test_what_fits_is_always_hit_and_never_evicted() -> None:
    shares = np.array([0.5, 0.3, 0.2, 0.0, 0.0])
    assert characteristic_time(shares, 3) == math.inf
    assert predict_hit_ratio(shares, 3) == 1
    assert predict_hit_ratio(shares, 2) < 1


def test_the_characteristic_time_is_the_age_at_which_a_target_goes() -> None:
    """In a replay: how many requests ago the target that is evicted had been asked for."""
    shares, capacity = zipf(60, 0.8), 20
    requests = np.random.default_rng(3).choice(60, 100_000, p=shares).tolist()
    last: dict[int, int] = {}
    ages = []
    for at, target in enumerate(requests):
        if target not in last and len(last) == capacity:
            oldest = min(last, key=last.__getitem__)
            ages.append(at - last.pop(oldest))
        last[target] = at
    assert characteristic_time(shares, capacity) == pytest.approx(np.mean(ages), rel=0.03)


def test_replay_evicts_the_least_recently_used() -> None:
    assert replay([1, 2, 1, 3, 2, 1, 1], 2).tolist() == [True, True, False, True, True, True, False]
