"""The simulation against what is known of caches and of queues."""

import math

import numpy as np
import pytest

from mmebench.figures.lru import replay
from mmebench.plan.simulation import kernel
from support.plans import (
    Floats,
    exponential,
    fixed,
    fleet,
    hardware,
    hyperexponential,
    poisson,
    requests,
    steps,
    zipf,
)


@pytest.mark.parametrize("s", [0.0, 0.9, 1.5])
@pytest.mark.parametrize("capacity", [1, 7, 60])
def test_where_nothing_takes_time_those_are_cold_that_miss_an_lru_cache(s: float, capacity: int) -> None:
    asked = poisson(5_000, 1.0, 1, zipf(100, s))
    assert kernel.simulate(asked, hardware(fixed(1e-9), capacity=capacity), fleet(100))
    misses = replay(asked["target"].tolist(), capacity)
    np.testing.assert_array_equal(asked["cold"] == kernel.BEGAN_A_LOAD, misses)
    assert not (asked["cold"] == kernel.WAITED).any()


def test_memory_that_is_filled_first_holds_the_most_popular_models() -> None:
    asked = poisson(2_000, 1.0, 2, zipf(50, 0.8))
    assert kernel.simulate(asked, hardware(fixed(1e-9), capacity=10), fleet(50, filled=True))
    misses = replay(asked["target"].tolist(), 10, range(9, -1, -1))
    np.testing.assert_array_equal(asked["cold"] > 0, misses)


WARM_UP = 5_000


def sojourns(work: Floats, rate: float, servers: int = 1, count: int = 300_000) -> Floats:
    asked = poisson(count, rate, 3)
    assert kernel.simulate(asked, hardware(work, servers=servers), fleet(1, filled=True))
    return np.asarray(asked["latency"][WARM_UP:], float)


@pytest.mark.parametrize("load", [0.3, 0.7, 0.85])
def test_one_server_shared_by_exponential_requests_has_the_mean_of_theory(load: float) -> None:
    assert sojourns(exponential(1.0), load).mean() == pytest.approx(1 / (1 - load), rel=0.04)


def erlang_c(servers: int, offered: float) -> float:
    """The probability that all are busy."""
    last = offered**servers / math.factorial(servers) / (1 - offered / servers)
    return last / (sum(offered**n / math.factorial(n) for n in range(servers)) + last)


@pytest.mark.parametrize(("servers", "load"), [(2, 0.6), (4, 0.8), (8, 0.9)])
def test_several_servers_have_the_mean_of_erlang(servers: int, load: float) -> None:
    waits = erlang_c(servers, load * servers) / (servers * (1 - load))
    assert sojourns(exponential(1.0), load * servers, servers).mean() == pytest.approx(1 + waits, rel=0.04)


@pytest.mark.parametrize("work", [fixed(1.0), exponential(1.0), hyperexponential(1.0)])
def test_only_the_mean_of_the_work_matters_where_it_is_shared(work: Floats) -> None:
    assert sojourns(work, 0.7).mean() == pytest.approx(1 / 0.3, rel=0.05)


def test_a_request_is_slowed_down_in_proportion_to_its_own_work() -> None:
    asked = poisson(300_000, 0.7, 4)
    work = hyperexponential(1.0)
    assert kernel.simulate(asked, hardware(work), fleet(1, filled=True))
    own = work[asked["chance"]]
    for part in (own < 0.3, (own > 0.3) & (own < 3), own > 3):
        assert (asked["latency"][part].mean() / own[part].mean()) == pytest.approx(1 / 0.3, rel=0.06)


@pytest.mark.parametrize("users", [1, 3, 12])
def test_users_who_ask_again_are_served_as_fast_as_the_server_is(users: int) -> None:
    asked = requests(np.zeros(20_000), np.zeros(20_000), np.random.default_rng(5).integers(0, 1024, 20_000))
    assert kernel.simulate(asked, hardware(exponential(0.05), servers=4), fleet(1, filled=True, users=users))
    ends = asked["started"] + asked["latency"]
    assert len(asked) / ends.max() == pytest.approx(min(users, 4) / 0.05, rel=0.03)
    at_once = [(asked["started"] <= moment) & (ends > moment) for moment in np.linspace(0.5, ends.max() - 1, 50)]
    assert {int(each.sum()) for each in at_once} == {users}


def test_requests_that_come_while_a_model_is_loaded_wait_for_that_load() -> None:
    asked = requests([0.0, 1.0, 2.5, 3.5], [0, 0, 0, 0])
    assert kernel.simulate(asked, hardware(fixed(0.25), load=3.0), fleet(1))
    assert asked["cold"].tolist() == [kernel.BEGAN_A_LOAD, kernel.WAITED, kernel.WAITED, kernel.WARM]
    # Three at once take 0.75 s on one server, less what the last one's coming makes of it.
    assert asked["latency"][:3] == pytest.approx([3.833, 2.833, 1.333], abs=0.18)
    assert asked["latency"][3] < 1.1


def test_two_loads_take_turns_and_slow_requests_down() -> None:
    asked = requests([0.0, 0.0, 0.0], [0, 1, 2])
    slow = hardware(fixed(1.0), load=2.0, contention=1.0)
    assert kernel.simulate(asked, slow._replace(budget=1), fleet(3, filled=True))
    # The first is warm, and keeps what the others wait for: one after the other is loaded and served.
    assert asked["cold"].tolist() == [kernel.WARM, kernel.BEGAN_A_LOAD, kernel.BEGAN_A_LOAD]
    assert asked["latency"].tolist() == pytest.approx([1.0, 4.0, 7.0])
    both = requests([0.0, 0.0], [0, 1])
    assert kernel.simulate(both, slow, fleet(2))
    assert both["latency"].tolist() == pytest.approx([4 + 2, 4 + 2])
    beside = requests([0.0, 0.0, 10.0, 10.0], [0, 0, 1, 0])
    assert kernel.simulate(beside, slow, fleet(2))
    assert beside["latency"][3] == pytest.approx(2.0), "as slow as beside another request"


def test_who_waits_for_room_gets_it_in_order_and_none_is_lost() -> None:
    """A large model is not kept out by small ones, for which there would be room."""
    kinds = np.array([0, 1, 0, 0], np.uint8)
    memory = np.array([(1, 0), (3, 0)], kernel.MEMORY)
    plain = hardware(fixed(1.0), load=1e-3, capacity=3, servers=8)
    sized = plain._replace(
        memory=memory, work=np.repeat(plain.work, 2, 0), load_work=np.repeat(plain.load_work, 2, 0)
    )
    times = [0.0, 0.5, 0.6, 0.7]
    asked = requests(times, [0, 1, 2, 3])
    assert kernel.simulate(asked, sized, fleet(4, kinds=kinds))
    ends = asked["time"] + asked["latency"]
    assert (np.diff(ends) >= -1e-3).all()
    assert ends == pytest.approx([1.0, 2.0, 3.0, 3.0], abs=0.02)


def test_what_serves_a_request_is_not_evicted_before_it_has_answered() -> None:
    """Two models, room for one, and requests for the first at all times: the second gets its turn, as in order."""
    asked = requests([0.0, 0.2, 0.4, 0.5, 0.6, 0.8], [0, 0, 0, 1, 0, 0])
    assert kernel.simulate(asked, hardware(fixed(0.3), load=0.1, capacity=1, servers=8), fleet(2))
    began, waited = kernel.BEGAN_A_LOAD, kernel.WAITED
    assert asked["cold"].tolist() == [began, kernel.WARM, kernel.WARM, began, began, waited]
    ends = asked["time"] + asked["latency"]
    # The third is answered at 0.7; then the other model is loaded until 0.8 and serves until 1.1.
    assert ends.tolist() == pytest.approx([0.4, 0.5, 0.7, 1.1, 1.5, 1.5])


def test_an_instance_that_cannot_keep_up_is_told() -> None:
    asked = poisson(50_000, 2.0, 6)
    assert not kernel.simulate(asked, hardware(exponential(1.0)), fleet(1, filled=True))


def test_hashed_a_model_is_on_one_instance_only() -> None:
    asked = poisson(5_000, 10.0, 7, zipf(60, 1.0))
    assert kernel.simulate(asked, hardware(fixed(1e-6)), fleet(60, 4, kernel.HASHED))
    assert np.count_nonzero(asked["cold"]) == len(np.unique(asked["target"]))


def test_at_random_each_instance_loads_every_model() -> None:
    asked = poisson(20_000, 10.0, 8, zipf(20, 0.0))
    assert kernel.simulate(asked, hardware(fixed(1e-6)), fleet(20, 4, kernel.RANDOM))
    assert np.count_nonzero(asked["cold"]) == 80


@pytest.mark.parametrize("buckets", [1, 2, 7, 30])
def test_one_bucket_more_takes_its_share_and_moves_nothing_else(buckets: int) -> None:
    before, after = kernel.jump_hashes(100_000, buckets), kernel.jump_hashes(100_000, buckets + 1)
    moved = before != after
    assert (after[moved] == buckets).all()
    assert moved.mean() == pytest.approx(1 / (buckets + 1), rel=0.03)
    counts = np.bincount(after, minlength=buckets + 1)
    assert counts == pytest.approx(np.full(buckets + 1, 100_000 / (buckets + 1)), rel=0.06)


def test_sticky_a_second_copy_is_made_only_where_the_first_is_busy() -> None:
    quiet, rush = poisson(2_000, 1.0, 9, zipf(10, 1.0)), requests(np.full(6, 1.0), np.zeros(6))
    assert kernel.simulate(quiet, hardware(fixed(0.01)), fleet(10, 3, kernel.STICKY, busy=2))
    assert np.count_nonzero(quiet["cold"]) == 10
    loads = hardware(fixed(1.0), load=0.5)
    assert kernel.simulate(rush, loads, fleet(10, 3, kernel.STICKY, busy=2, filled=True))
    # Two on the one that has it; the next on the second and third, each of which loads it once.
    assert rush["cold"].tolist() == [0, 0, kernel.BEGAN_A_LOAD, kernel.WAITED, kernel.BEGAN_A_LOAD, kernel.WAITED]
    assert kernel.simulate(rush, loads, fleet(10, 3, kernel.STICKY, busy=6, filled=True))
    assert not rush["cold"].any()


def test_sticky_requests_that_wait_for_a_load_do_not_make_more_loads() -> None:
    rush = requests(np.full(60, 1.0), np.zeros(60))
    assert kernel.simulate(rush, hardware(fixed(0.01), load=0.5), fleet(10, 3, kernel.STICKY, busy=2))
    assert np.count_nonzero(rush["cold"] == kernel.BEGAN_A_LOAD) == 1
    # After everything was lost, two in three fit at once, and all of it comes back: 20 loads of 0.3 s on each.
    asked = poisson(30_000, 60.0, 16, zipf(60, 0.9))
    cold = fleet(60, 3, kernel.STICKY, busy=8)
    assert kernel.simulate(asked, hardware(fixed(0.02), load=0.3, capacity=30, servers=4, contention=1.0), cold)
    assert not asked["cold"][10_000:].any()


@pytest.mark.parametrize("budget", [40, 43])
def test_sticky_models_that_none_has_are_shared_out_where_all_are_full(budget: int) -> None:
    """Memory that is too small for one more copy is as full as memory of which nothing is left."""
    plain = hardware(fixed(1e-6), load=0.05, capacity=budget)
    sized = plain._replace(
        memory=np.array([(4, 0), (1, 0)], kernel.MEMORY),
        work=np.repeat(plain.work, 2, 0),
        load_work=np.repeat(plain.load_work, 2, 0),
    )
    kinds = (np.arange(200) == 199).astype(np.uint8)  # one small model among large ones
    asked = poisson(20_000, 40.0, 10, zipf(200, 0.2))
    assert kernel.simulate(asked, sized, fleet(200, 4, kernel.STICKY, kinds=kinds))
    late = asked["latency"][10_000:][asked["cold"][10_000:] == kernel.BEGAN_A_LOAD]
    # 8 loads a second on each, of 0.05 s, which take turns: 0.05 / (1 - 0.4); on one of them they would never end.
    assert np.isfinite(late).all()
    assert late.mean() == pytest.approx(0.08, rel=0.2)


def test_the_least_busy_instance_is_found() -> None:
    asked = poisson(20_000, 30.0, 11)
    shared = hardware(exponential(0.1))
    assert kernel.simulate(asked, shared, fleet(1, 4, kernel.LEAST_OUTSTANDING, filled=True))
    balanced = asked["latency"].mean()
    assert kernel.simulate(asked, shared, fleet(1, 4, kernel.RANDOM, filled=True))
    assert balanced < 0.6 * asked["latency"].mean()
    four = requests(np.zeros(4), np.zeros(4))
    assert kernel.simulate(four, shared, fleet(1, 4, kernel.LEAST_OUTSTANDING, filled=True))
    assert four["latency"].tolist() == pytest.approx([exponential(0.1)[0]] * 4)


@pytest.mark.parametrize("routing", [kernel.RANDOM, kernel.HASHED, kernel.LEAST_OUTSTANDING, kernel.STICKY])
def test_what_an_instance_has_goes_with_it(routing: int) -> None:
    asked = poisson(20_000, 40.0, 12, zipf(30, 0.5))
    middle = asked["time"][10_000]
    lossy = fleet(30, 3, routing, busy=1000, filled=True, **steps((0, 3), (middle, 2)))
    assert kernel.simulate(asked, hardware(fixed(0.2), load=0.3, servers=16), lossy)
    lost = np.isnan(asked["latency"])
    assert 0 < lost.sum() < 20
    assert (asked["time"][lost] <= middle).all()
    assert (asked["time"][lost] > middle - 3).all()
    cold = np.flatnonzero(asked["cold"])
    if routing in (kernel.HASHED, kernel.STICKY):
        assert cold.min() >= 10_000
        gone = set(asked["target"][cold].tolist())
        assert 5 <= len(gone) < 30, "those that it had, and only those"
    else:
        assert not len(cold), "the others have all models"


def test_an_instance_that_comes_takes_its_part() -> None:
    asked = poisson(20_000, 18.0, 13)
    more = fleet(1, 1, kernel.LEAST_OUTSTANDING, filled=True, **steps((0, 1), (asked["time"][10_000], 3)))
    assert kernel.simulate(asked, hardware(exponential(0.05)), more)
    assert asked["latency"][11_000:].mean() < 0.3 * asked["latency"][2_000:10_000].mean()


def test_what_is_pinned_stays() -> None:
    asked = poisson(20_000, 10.0, 14, zipf(50, 0.0))
    assert kernel.simulate(asked, hardware(fixed(1e-6), capacity=10), fleet(50, filled=True, pinned=4))
    cold = asked["cold"] > 0
    assert not cold[asked["target"] < 4].any()
    assert cold[asked["target"] >= 4].mean() == pytest.approx(1 - 6 / 46, abs=0.02)


def test_the_same_requests_go_the_same_way() -> None:
    first, second = (poisson(20_000, 40.0, 15, zipf(100, 0.9)) for _ in range(2))
    for asked in (first, second):
        assert kernel.simulate(
            asked, hardware(exponential(0.05), load=0.5, capacity=20), fleet(100, 5, kernel.STICKY)
        )
    assert first.tobytes() == second.tobytes()
