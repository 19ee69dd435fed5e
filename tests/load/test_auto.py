"""What auto tries, and when it has seen enough, on endpoints whose knee is known."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from mmebench.benchmark.measurement import with_stage
from mmebench.figures.statistics import Estimate
from mmebench.load.schedule.auto import (
    Point,
    ThoroughStage,
    find_held,
    find_knee,
    next_users,
    not_yet_precise,
    probe,
)
from mmebench.load.schedule.plan import Verdict, look, make_plan
from mmebench.load.schedule.settling import Numbers, is_precise, settled_from
from mmebench.record.run import StageWindow
from mmebench.spec import Auto, Objectives, Profile, Workload
from support.samples import Sample, sample_table

SECOND = 1_000_000_000
ASKED = Auto()
Floats = npt.NDArray[np.float64]
Course = Callable[[Floats], Floats]
"""Of the latency in seconds, over seconds."""


def find(measure: Callable[[int], Point], asked: Auto = ASKED, limits: bool = True) -> dict[int, Point]:
    """All points until nothing more is asked for, in their order."""
    points: dict[int, Point] = {}
    while (users := next_users(asked, points, limits)) is not None:
        assert users not in points, "nothing is tried twice"
        points[users] = measure(users)
    return points


def queue(
    servers: float, service: float, limit: float, noise: float = 0.0, seed: int = 0
) -> Callable[[int], Point]:
    """Users of a server that answers so many at once, and slows down a little before it is full."""
    random = np.random.default_rng(seed)

    def measure(users: int) -> Point:
        rate = (users**-6.0 + servers**-6.0) ** (-1 / 6) / service * float(1 + random.normal(0, noise))
        excess = users / rate / limit
        return Point(rate, held=excess <= 1, excess=excess)

    return measure


def true_knee(measure: Callable[[int], Point]) -> int:
    rates = {users: measure(users).rate for users in range(1, 257)}
    return min(users for users, rate in rates.items() if rate >= 0.9 * max(rates.values()))


@pytest.mark.parametrize("servers", [1, 2, 3, 5, 9, 14, 33, 61])
def test_knee_and_largest_load_are_found_with_few_probes(servers: int) -> None:
    exact = queue(servers, 0.05, 0.3)
    points = find(queue(servers, 0.05, 0.3, noise=0.01, seed=servers))
    knee, held = find_knee(points), find_held(points)
    assert knee is not None
    assert held is not None
    wanted = max(users for users in range(1, 257) if exact(users).held)
    assert abs(knee - true_knee(exact)) <= max(1, 0.1 * knee)
    assert abs(held - wanted) <= max(1, 0.06 * wanted)
    assert len(points) <= 2 * math.log2(max(wanted, 2 * servers)) + 5


def test_without_limits_it_goes_no_farther_than_past_the_knee() -> None:
    points = find(queue(4, 0.05, math.inf), limits=False)
    assert max(points) == 16, "twice as many as the 8 that bring no more than"
    assert find_knee(points) == true_knee(queue(4, 0.05, math.inf))
    assert len(points) <= 7


def test_where_all_is_in_time_it_stops_when_more_users_only_wait() -> None:
    points = find(queue(2, 0.05, 1e6))
    assert max(points) <= 16
    assert find_held(points) == max(points)


def test_users_who_only_wait_are_followed_up_to_a_limit_that_is_near() -> None:
    points = find(queue(2, 0.05, 2.0))
    assert find_held(points) in range(76, 81), "of 40 answers a second in 2 s"


def test_where_already_the_first_load_is_too_much_fewer_are_tried() -> None:
    points = find(queue(2, 0.05, 0.3), Auto.model_validate({"from": 64}))
    assert next(iter(points)) == 64
    assert find_held(points) in (11, 12)
    assert find_knee(points) == 3


def test_an_endpoint_that_never_holds_them_is_told_from_one_user_on() -> None:
    points = find(queue(2, 0.05, 0.01))
    assert find_held(points) is None
    assert find_knee(points) == 3
    assert len(points) < 8


def test_what_cannot_be_told_apart_is_not_told_apart() -> None:
    """A rate whose interval reaches nine tenths, a latency whose interval reaches the limit."""
    points = {1: Point(9, held=True), 2: Point(17, held=True, excess=0.7)}
    points |= {4: Point(20, held=False, excess=1.5), 8: Point(20.5, held=False, excess=3)}
    assert find_knee(points) == 4
    assert next_users(ASKED, points, limits=True) == 3
    points[2] = replace(points[2], rate_high=18.6, excess_high=1.02)
    assert find_knee(points) == 2
    assert next_users(ASKED, points, limits=True) is None


def test_failures_end_the_way_up() -> None:
    def measure(users: int) -> Point:
        point = queue(50, 0.05, 1e6)(users)
        return replace(point, clean=users < 20, held=users < 20)

    points = find(measure)
    assert max(points) == 32
    assert find_held(points) in (18, 19), "the last that was clean, as near as asked"


def test_one_that_fails_at_once_is_given_up() -> None:
    points = find(lambda users: Point(0.0, held=False, clean=False))
    assert list(points) == [1]
    assert (find_knee(points), find_held(points)) == (None, None)


def test_no_more_than_the_limit() -> None:
    points = find(queue(500, 0.05, 1e6), Auto(limit=100))
    assert max(points) == 100


def test_a_probe_is_short_and_what_was_found_is_not() -> None:
    """Unless a probe has told all of it already; and it is measured again once, whatever comes of that."""
    workload = Workload.model_validate({"profile": {"auto": {"longest": 90}}})
    measure = queue(2, 0.05, 0.3)
    for precise in (False, True):
        plan = make_plan(workload, Objectives(p99=0.3))
        stages = [next(plan)]
        with suppress(StopIteration):
            while True:
                point = replace(measure(stages[-1].users or 0), precise=precise)
                stages.append(plan.send(Verdict(point.held, "", point=point)))
        again = [stage.users for stage in stages if isinstance(stage, ThoroughStage)]
        assert again == ([] if precise else [3, 11])
        probes = [stage.duration for stage in stages if not isinstance(stage, ThoroughStage)]
        assert probes[0] == 20, "nothing is known of it"
        assert all(10 <= seconds <= 21 for seconds in probes[1:]), "of 20 to 40 answers a second"


def test_a_load_that_is_measured_again_counts_as_it_is_then() -> None:
    first, other, again = (
        StageWindow(users=users, start=at, ready=at, end=at + 1) for at, users in enumerate((2, 4, 2))
    )
    assert with_stage((first, other), again, Profile.model_validate("auto")) == (other, again)
    assert with_stage((first, other), again, Profile.model_validate({"search": {}})) == (first, other, again)


def test_what_was_found_is_named_once() -> None:
    points = {1: Point(9, held=True), 2: Point(20, held=True), 3: Point(20, held=True), 4: Point(20, held=False)}
    assert not_yet_precise(points, limits=True) == [2, 3]
    assert not_yet_precise(points, limits=False) == [2]
    assert not_yet_precise({1: Point(9, held=True), 2: Point(20, held=True)}, limits=True) == [2]
    assert not_yet_precise({1: Point(0, held=False, clean=False)}, limits=True) == []


@pytest.mark.parametrize(("rate", "seconds"), [(1000, 10), (40, 10), (20, 20), (2, 30)])
def test_a_probe_is_as_long_as_its_answers_take(rate: float, seconds: int) -> None:
    assert probe(3, ASKED, {}).duration == 20
    assert probe(3, ASKED, {1: Point(rate, held=True)}).duration == seconds
    assert probe(3, Auto(longest=9), {}).duration == 9


def test_what_turns_out_to_be_looked_for_goes_on() -> None:
    """The knee and the largest load that is held, once there is nothing left to be tried for it."""
    measure, points, went_on = queue(2, 0.05, 0.3), dict[int, Point](), []
    while (users := next_users(ASKED, points, limits=True)) is not None:
        point = measure(users)
        longer = probe(users, ASKED, points).longer(point, ASKED, limits=True)
        if longer is not None:
            assert longer == ThoroughStage(users=users, duration=ASKED.longest)
            went_on.append(users)
            point = replace(point, precise=True)
        points[users] = point
    assert went_on == [3, 11] or went_on == [11, 3]
    assert {find_knee(points), find_held(points)} == {3, 11}
    assert not_yet_precise(points, limits=True) == []


@pytest.mark.parametrize("count", [20, 200])
@pytest.mark.parametrize(("seconds", "held"), [(0.1, True), (0.4, False)])
def test_few_answers_show_the_way_though_they_prove_nothing(count: int, seconds: float, held: bool) -> None:
    window = StageWindow(users=1, start=0, ready=0, end=count)
    answers = [Sample(start=1e3 * at, end=1e3 * (at + seconds)) for at in range(count)]
    verdict = look(window, sample_table(answers), ASKED, Objectives(p99=0.3))
    assert verdict.point is not None
    assert verdict.met is (held and count > 100)
    assert verdict.point.held is held
    assert verdict.point.excess == pytest.approx(seconds / 0.3)


def test_a_profile_may_be_the_word_alone() -> None:
    workload = Workload.model_validate({"profile": "auto"})
    assert workload.profile.auto == Auto()
    assert workload.stages == ()


@pytest.mark.parametrize(
    ("workload", "said"),
    [
        ({"profile": {"auto": {"from": 9, "limit": 8}}}, "from 9 is over the limit 8"),
        ({"profile": {"auto": {}, "search": {}}}, "got search and auto; give one of them"),
        ({"profile": {"auto": {}, "stationary": {}}}, "stages of auto end by themselves; leave it out"),
        ({"profile": "auto", "arrivals": "poisson"}, "got arrivals poisson; allowed: closed"),
        ({"profile": "automatic"}, "profile"),
    ],
)
def test_mistakes(workload: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Workload.model_validate(workload)


def answers(seconds: float, rate: float, latency: Course, seed: int = 0) -> tuple[Numbers, Numbers]:
    """When each was answered and how long it took, at random around a course of the latency."""
    random = np.random.default_rng(seed)
    ends = np.sort(random.uniform(0, seconds, int(seconds * rate)))
    took = latency(ends) * random.lognormal(0, 0.2, len(ends))
    return (ends * SECOND).astype(np.int64), (took * SECOND).astype(np.int64)


def settled(seconds: float, rate: float, latency: Course, seed: int = 0) -> float | None:
    ends, took = answers(seconds, rate, latency, seed)
    found = settled_from(ends, took, 0, round(seconds * SECOND))
    return None if found is None else found / SECOND


@pytest.mark.parametrize("seed", range(10))
def test_what_is_steady_from_its_beginning_counts_from_there(seed: int) -> None:
    found = settled(10, 400, lambda at: np.full(len(at), 0.05), seed)
    assert found is not None
    assert found <= 3, "a few stretches may be left out by chance"


@pytest.mark.parametrize("seed", range(10))
def test_a_warm_up_is_left_out(seed: int) -> None:
    found = settled(10, 400, lambda at: 0.05 + 0.5 * (at < 2), seed)
    assert found is not None
    assert 2 <= found <= 4


@pytest.mark.parametrize("seed", range(10))
def test_what_still_changes_has_not_settled(seed: int) -> None:
    assert settled(10, 400, lambda at: 0.05 * (1 + at / 5), seed) is None, "grows threefold"
    assert settled(10, 400, lambda at: 0.05 + 0.5 * (at < 7), seed) is None, "was warm for the last third alone"


def test_a_moment_and_a_few_answers_settle_nothing() -> None:
    assert settled(1, 500, lambda at: np.full(len(at), 0.05)) is None
    assert settled(10, 3, lambda at: np.full(len(at), 0.05)) is None


def test_precision_is_of_half_an_interval() -> None:
    assert is_precise([Estimate(100, 95, 105), Estimate(10, 9.6, 10.2)], 0.05)
    assert not is_precise([Estimate(100, 95, 105), Estimate(10, 9, 11)], 0.05)
    assert not is_precise([Estimate(100, 95, 105), Estimate(10)], 0.05)
