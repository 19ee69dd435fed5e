import math

import numpy as np
import pytest

from mmebench.figures.fairness import jain_index


@pytest.mark.parametrize(
    ("shares", "index"),
    [([1, 1, 1], 1), ([5, 0, 0, 0], 1 / 4), ([1, 2], 9 / 10), ([2, 4], 9 / 10), ([1, 2, 3], 36 / 42)],
)
def test_the_index_is_one_for_all_alike_and_one_nth_for_one_alone(shares: list[float], index: float) -> None:
    assert jain_index(np.array(shares, float)) == pytest.approx(index)


@pytest.mark.parametrize("shares", [[], [3.0], [0.0, 0.0]])
def test_one_is_neither_fair_nor_unfair(shares: list[float]) -> None:
    assert math.isnan(jain_index(np.array(shares, float)))
