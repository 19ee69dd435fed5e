"""What is in memory, computed: against the formula for one size, and against replays for several."""

import math
from collections import OrderedDict

import numpy as np
import pytest

from mmebench.figures.lru import predict_hit_ratio
from mmebench.plan.residency import Copies, find_residency
from mmebench.plan.simulation import kernel
from support.plans import Floats, fixed, fleet, hardware, poisson, zipf


def copies(rate: Floats, size: Floats | float = 1.0, load: float = 0.0, pinned: int = 0) -> Copies:
    ones = np.ones(len(rate))
    return Copies(ones, rate, ones * size, ones * load, (np.arange(len(rate)) < pinned) * 1.0)


@pytest.mark.parametrize("s", [0.0, 0.8, 1.3])
@pytest.mark.parametrize("room", [3, 20, 90])
def test_loads_that_take_no_time_leave_the_approximation_of_che(s: float, room: int) -> None:
    shares = zipf(100, s)
    found = find_residency(copies(7.0 * shares), room)
    assert 1 - shares @ found.cold == pytest.approx(predict_hit_ratio(shares, room), abs=1e-6)
    assert found.loads_per_s == pytest.approx(7.0 * shares @ found.cold, rel=1e-6)


def test_models_that_are_alike_are_one_entry() -> None:
    shares = np.repeat([0.02, 0.005], [25, 100])
    each = find_residency(copies(shares, load=3.0), 40)
    ones = np.ones(2)
    together = find_residency(
        Copies(np.array([25.0, 100.0]), np.array([0.02, 0.005]), ones, 3.0 * ones, 0 * ones), 40
    )
    assert together.cold.tolist() == pytest.approx([each.cold[0], each.cold[-1]])
    assert together.loads_per_s == pytest.approx(each.loads_per_s)


def replay_sizes(targets: list[int], sizes: list[float], room: float) -> list[bool]:
    held: OrderedDict[int, None] = OrderedDict()
    used, misses = 0.0, []
    for target in targets:
        misses.append(target not in held)
        if target not in held:
            used += sizes[target]
            while used > room:
                used -= sizes[held.popitem(last=False)[0]]
        held[target] = None
        held.move_to_end(target)
    return misses


def test_copies_of_several_sizes_hit_as_in_a_replay() -> None:
    shares = zipf(200, 0.9)
    sizes = np.random.default_rng(1).permutation(np.repeat([1.0, 2.0, 5.0], [100, 60, 40]))
    asked = np.random.default_rng(2).choice(200, 200_000, p=shares)
    misses = np.array(replay_sizes(asked.tolist(), sizes.tolist(), 100.0))[2_000:]
    found = find_residency(copies(shares, sizes), 100.0)
    assert shares @ found.cold == pytest.approx(misses.mean(), abs=0.01)
    for size in (1.0, 2.0, 5.0):
        own = sizes == size
        of_size = own[asked[2_000:]]
        assert shares[own] @ found.cold[own] / shares[own].sum() == pytest.approx(misses[of_size].mean(), abs=0.02)


@pytest.mark.parametrize("load", [0.05, 0.5, 2.0])
def test_who_comes_during_a_load_waits_as_in_the_simulation(load: float) -> None:
    """20 models of 60, 6 requests/s, on an instance that loads as many at once as are asked for."""
    shares = zipf(60, 0.7)
    asked = poisson(200_000, 6.0, 3, shares)
    plain = hardware(fixed(1e-6), load=load, capacity=20)
    plain.speed["loading"] = 1.0
    assert kernel.simulate(asked, plain, fleet(60))
    seen = asked[5_000:]
    found = find_residency(copies(6.0 * shares, load=load), 20)
    assert shares @ found.cold == pytest.approx((seen["cold"] > 0).mean(), abs=0.015)
    loads = np.count_nonzero(seen["cold"] == kernel.BEGAN_A_LOAD) / (seen["time"][-1] - seen["time"][0])
    assert found.loads_per_s == pytest.approx(loads, rel=0.04)


def test_what_is_pinned_is_never_cold_and_takes_its_room() -> None:
    shares = zipf(50, 0.0)
    found = find_residency(copies(shares, pinned=4), 10)
    assert (found.cold[:4] == 0).all()
    assert found.cold[4:] == pytest.approx(np.full(46, 40 / 46), abs=0.001)


def test_what_fits_and_what_nobody_asks_for() -> None:
    rate = np.array([5.0, 1.0, 0.0, 0.0])
    all_of_it = find_residency(copies(rate, load=2.0), 2)
    assert (all_of_it.seconds, all_of_it.loads_per_s) == (math.inf, 0.0)
    assert not all_of_it.cold.any()
    few = find_residency(copies(rate), 1)
    assert 0 < few.seconds < math.inf
    assert (few.cold[:2] > 0).all()
    assert not few.cold[2:].any()
