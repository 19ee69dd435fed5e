"""Energy of a stage from readings of the GPUs' counters."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmebench.figures.energy import _taken
from mmebench.record.run import StageWindow


def readings(**by_gpu: dict[float, float]) -> pd.DataFrame:
    """Joules by second."""
    rows = [(gpu, second, value) for gpu, of_gpu in by_gpu.items() for second, value in of_gpu.items()]
    return pd.DataFrame(rows, columns=["statistic", "second", "value"])


def window(ready: float, end: float) -> StageWindow:
    return StageWindow(users=1, start=ready, ready=ready, end=end)


@given(
    st.floats(0, 20),
    st.floats(4, 20),
    st.floats(0, 1000),
    st.lists(st.floats(0.5, 1.5), min_size=60, max_size=60),
)
def test_of_a_steady_power_it_is_power_times_time(
    ready: float, seconds: float, watts: float, steps: list[float]
) -> None:
    at = [sum(steps[:count]) for count in range(len(steps))]
    found = _taken(readings(a={second: 1e6 + watts * second for second in at}), window(ready, ready + seconds))
    if at[-1] > ready + seconds:
        assert found == pytest.approx(watts * seconds, rel=1e-6, abs=1e-3)


def test_gpus_are_added() -> None:
    both = readings(a={0: 0, 10: 1000}, b={0: 500, 10: 1000})
    assert _taken(both, window(2, 6)) == pytest.approx(4 * 150)


def test_a_window_that_is_read_in_part_is_completed() -> None:
    assert _taken(readings(a={0: 0, 6: 600}), window(0, 10)) == pytest.approx(1000)


def test_less_than_half_is_nothing() -> None:
    assert math.isnan(_taken(readings(a={0: 0, 4: 400}), window(0, 10)))
    assert math.isnan(_taken(readings(a={0: 0, 10: 1000}, b={0: 0, 4: 400}), window(0, 10)))
    assert math.isnan(_taken(readings(a={3: 400}), window(0, 10)))
    assert math.isnan(_taken(readings(), window(0, 10)))


def test_a_counter_that_falls_tells_nothing() -> None:
    """As a driver that was loaded anew counts from nothing."""
    anew = readings(a={0: 1e6, 4: 1e6 + 400, 5: 0, 10: 500})
    assert math.isnan(_taken(anew, window(0, 10)))
    assert math.isnan(_taken(anew, window(4.2, 4.8)))
    assert _taken(anew, window(0, 4)) == pytest.approx(400)
    assert _taken(anew, window(5, 9)) == pytest.approx(400)
