"""Queues computed, against closed forms."""

import math
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest

from mmebench.plan.queue import find_occupancies, find_occupancy, mean_of


@pytest.mark.parametrize("load", [0.1, 0.5, 0.95])
def test_one_server_is_the_one_of_textbooks(load: float) -> None:
    found = find_occupancy(load * 20, lambda counts: np.full_like(counts, 20.0), 1)
    assert found is not None
    assert found[:30] == pytest.approx((1 - load) * load ** np.arange(len(found))[:30], rel=1e-6)
    assert mean_of(found) == pytest.approx(load / (1 - load), rel=1e-4)


def test_as_many_servers_as_requests_are_a_poisson_distribution() -> None:
    found = find_occupancy(3.0, lambda counts: counts, 1)
    assert found is not None
    assert found[:8] == pytest.approx([math.exp(-3) * 3**n / math.factorial(n) for n in range(8)], rel=1e-6)


def test_several_servers_have_the_probability_of_erlang_to_be_busy() -> None:
    servers, offered = 4, 3.2
    found = find_occupancy(offered, lambda counts: np.minimum(counts, servers), servers)
    assert found is not None
    last = offered**servers / math.factorial(servers) / (1 - offered / servers)
    erlang = last / (sum(offered**n / math.factorial(n) for n in range(servers)) + last)
    assert found[servers:].sum() == pytest.approx(erlang, rel=1e-6)


@pytest.mark.parametrize("arrivals", [1.0, 1.5, 0.9999])
def test_a_queue_that_grows_without_end_is_none(arrivals: float) -> None:
    assert find_occupancy(arrivals, np.ones_like, 1) is None


def test_where_nobody_comes_nobody_is_there() -> None:
    found = find_occupancy(0.0, lambda counts: counts, 1)
    assert found is not None
    assert found.tolist() == [1.0]
    assert mean_of(found) == 0.0


def test_several_stations_are_each_as_by_itself() -> None:
    """Near its limit one takes thousands of states, and the others few."""
    speeds = np.array([10.0, 1.1, 3.0, 1.01])
    together = find_occupancies(1.0, lambda counts, station: speeds[station.astype(int)] + 0 * counts, 4, 1)
    assert together is not None
    for speed, found in zip(speeds, together, strict=True):
        alone = find_occupancy(1.0, partial(np.full_like, fill_value=speed), 1)
        assert alone is not None
        assert found == pytest.approx(alone, rel=1e-9)
        assert mean_of(found) == pytest.approx(1 / (speed - 1), rel=1e-4)
    assert find_occupancies(1.05, lambda counts, station: speeds[station.astype(int)] + 0 * counts, 4, 1) is None


def test_what_is_slower_with_more_is_looked_at_as_far_as_it_is() -> None:
    """Ten at a time are answered slowly again: without a look beyond them, few would seem to be there."""

    def rate(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where((counts >= 100) & (counts < 300), 0.5, 4.0)

    found = find_occupancy(3.5, rate, 300)
    assert found is not None
    assert len(found) > 300
    assert find_occupancy(0.4, rate, 300) is not None
