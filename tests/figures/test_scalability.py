"""Throughput over users as a law."""

import numpy as np
import pytest

from mmebench.figures.scalability import FEWEST_LOADS, Scalability, fit_scalability

USERS = np.array([1, 2, 4, 8, 13, 16], float)


@pytest.mark.parametrize(
    "law", [Scalability(20, 0.1, 0.002), Scalability(17, 0.45, 0), Scalability(5, 0, 0.01), Scalability(9, 0, 0)]
)
def test_a_law_is_found_from_its_own_loads(law: Scalability) -> None:
    assert fit_scalability(USERS, law.at(USERS)) == pytest.approx(law, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_it_little(seed: int) -> None:
    law = Scalability(20, 0.3, 0.001)
    noisy = law.at(USERS) * (1 + np.random.default_rng(seed).normal(0, 0.02, len(USERS)))
    found = fit_scalability(USERS, noisy)
    assert found is not None
    between = np.array([3, 6, 10.0])
    assert found.at(between) == pytest.approx(law.at(between), rel=0.05)


def test_more_than_each_gets_alone_is_no_gain_of_theirs() -> None:
    """A first load that was slow, as what was to be warmed up was not: no figure is negative."""
    found = fit_scalability(USERS, [9, 20, 40, 80, 130, 160])
    assert found is not None
    assert found.contention == found.coherence == 0


def test_few_loads_and_those_that_follow_no_such_law_have_none() -> None:
    rates = Scalability(20, 0.1, 0.002).at(USERS)
    assert fit_scalability(USERS[: FEWEST_LOADS - 1], rates[: FEWEST_LOADS - 1]) is None
    assert fit_scalability([1, 1, 2, 2], [20, 21, 30, 31]) is None
    assert fit_scalability(USERS, [10, 40, 12, 60, 20, 90]) is None
    assert fit_scalability(USERS, [0, *rates[1:]]) is None
