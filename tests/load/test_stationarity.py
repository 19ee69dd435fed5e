import numpy as np
import pytest

from mmebench.load.schedule.stationarity import cut_windows, is_stationary
from mmebench.spec import Stationary

MS, SECOND = 1_000_000, 1_000_000_000
ASKED = Stationary(window=2, tolerance=0.1)


def judge(ends: np.ndarray[tuple[int], np.dtype[np.float64]], latencies: float | list[float], now: float) -> bool:
    end_ns = (np.asarray(ends) * SECOND).astype(np.int64)
    latency_ns = (np.broadcast_to(latencies, end_ns.shape) * MS).astype(np.int64)
    return is_stationary(end_ns, latency_ns, 0, int(now * SECOND), ASKED)


def test_a_steady_load_is_stationary_after_three_windows() -> None:
    ends = np.arange(0, 20, 0.01)
    assert not judge(ends, 5, 5.9)
    assert judge(ends, 5, 6.0)
    assert judge(ends, 5, 19.0)


def test_throughput_that_grows_is_not() -> None:
    assert not judge(np.sqrt(np.arange(0, 4000)) / 10, 5, 6)


def test_latency_that_grows_at_constant_throughput_is_not() -> None:
    ends = np.arange(0, 6, 0.01)
    assert not judge(ends, (5 + 3 * ends).tolist(), 6)


def test_it_becomes_stationary_once_the_start_is_out_of_the_windows() -> None:
    ends = np.concatenate([np.arange(0, 3, 0.1), np.arange(3, 12, 0.01)])
    assert not judge(ends, 5, 8)
    assert judge(ends, 5, 9.1)


def test_noise_within_the_tolerance_does_not_matter() -> None:
    random = np.random.default_rng(3)
    ends = np.cumsum(random.exponential(0.002, 5000))
    assert judge(ends, random.exponential(5, 5000).tolist(), 9)


def test_nothing_is_never_stationary() -> None:
    assert not judge(np.array([]), 5, 60)


def test_windows_are_counted_back_from_now() -> None:
    ends = np.array([0, 1, 2, 3, 4, 5]) * SECOND
    windows = cut_windows(ends, ends * 0 + 7, 6 * SECOND, SECOND)
    assert [window.successes for window in windows] == [1, 1, 1]
    assert windows[0].mean_latency_ns == pytest.approx(7)
