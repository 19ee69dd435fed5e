"""How many instances are found, and what is said about it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmebench.plan.measured import Kind, Level, Measured, Memory
from mmebench.plan.option import Question, find_option
from mmebench.plan.prediction import Prediction
from mmebench.plan.search import Search
from mmebench.plan.sensitivity import find_sways
from mmebench.record.plan import Option
from mmebench.spec import Objectives
from support.plans import fixed, measured, question


def search(least: int) -> tuple[Search, list[int]]:
    """Of a fleet of which so many hold the objectives; and who was looked at."""
    asked: list[int] = []

    def predict(instances: int) -> Prediction:
        asked.append(instances)
        latency = np.full(10, 0.1 if instances >= least else 0.9)
        return Prediction(instances, True, 1.0, latency, latency > 1, np.zeros(10, np.uint8), 0.0, 0.0, 0.0)

    return Search(predict, Objectives(p99=0.5), ()), asked


@pytest.mark.parametrize("least", [1, 2, 3, 7, 64, 65, 1000, 10_000])
@pytest.mark.parametrize("first", [1, 2, 60])
def test_the_fewest_are_found_with_few_looks(least: int, first: int) -> None:
    found, asked = search(least)
    assert found.fewest(first) == max(least, first)
    assert len(asked) <= 30
    assert len(asked) == len(set(asked)), "none twice"


@pytest.mark.parametrize(("least", "guess"), [(5, 5), (5, 6), (5, 40), (40, 5), (1, 3), (1, 1), (70, 10)])
def test_they_are_found_from_a_guess(least: int, guess: int) -> None:
    found, asked = search(least)
    assert found.near(guess) == least
    assert len(asked) <= 15


def test_none_is_found_where_there_is_none() -> None:
    assert search(20_000)[0].fewest(1) is None
    assert search(200)[0].near(10) is None


def two_kinds(requests: tuple[float, float], seconds: tuple[float, float] = (0.02, 0.4)) -> Measured:
    """A quick and a slow model, of a fleet."""
    latency = np.stack([fixed(each) for each in seconds])
    return measured(
        kinds=(Kind("quick", requests[0], 0.5, ()), Kind("slow", requests[1], 0.5, ())),
        levels=tuple(
            Level(float(users), users / float(np.dot(requests, seconds)), latency) for users in (1, 2, 4)
        ),
        loads=np.stack([fixed(0.5), fixed(2.0)]),
        memory=(Memory(100.0, 50.0), Memory(400.0, 20.0)),
        budget=20 * 500.0 + 70,
    )


def test_a_fleet_is_answered_with_what_each_kind_takes() -> None:
    asked = question(two_kinds((0.9, 0.1)), p99=1.0, models=60, traffic="zipf:0.8,20")
    found = find_option(asked)
    assert found.instances is not None
    assert found.computed is not None
    assert abs(found.computed - found.instances) <= 1
    # 30 of 100 and 30 of 400 and what they share are more than one instance has, and fit on two.
    assert found.instances == 2
    assert found.answer is not None
    assert found.answer.held


def test_an_objective_is_impossible_only_where_the_mix_of_requests_misses_it() -> None:
    """One request in a hundred takes 400 ms: p95 of all is 20 ms."""
    few, many = (
        replace(
            question(two_kinds((1 - share, share)), models=10, traffic="zipf:0,1"), objectives=Objectives(p95=0.1)
        )
        for share in (0.01, 0.2)
    )
    assert few.impossible == ""
    assert many.impossible == "p95 400 ms with 1 requests at once, nothing being loaded"
    own = replace(few, objectives=Objectives.model_validate({"models": {"slow": {"p50": "300ms"}}}))
    assert own.impossible.startswith("slow: p50 400 ms with")


def option(of: Measured, p99: float = 0.5, **planning: Any) -> Option:
    return find_option(question(of, p99, **planning))


def test_what_limits_is_said() -> None:
    compute = option(measured(servers=1, service=0.05, load=0.05, fits=1000), models=100, traffic="zipf:0,100")
    assert compute.limits.startswith("compute: ")
    memory = option(measured(fits=10), 0.1, models=100, traffic="zipf:0.5,20")
    assert memory.limits.startswith("cold starts: ")
    loading = option(measured(fits=10, load=1.0), 5.0, models=200, traffic="zipf:0,20")
    assert loading.limits.startswith(("loading: ", "cold starts: "))
    assert option(measured(fits=10), models=5, traffic="zipf:0.5,5").limits == "one instance is enough"


def test_so_many_as_were_asked_for() -> None:
    few = option(measured(fits=10), 0.1, models=100, traffic="zipf:0.5,20", instances=1)
    assert few.instances == 1
    assert few.answer is not None
    assert not few.answer.held
    assert few.limits == "", "one is not enough"
    many = option(measured(fits=10), 0.1, models=100, traffic="zipf:0.5,20", instances=30)
    assert many.answer is not None
    assert many.answer.held


def test_an_option_tells_the_curve_around_the_answer() -> None:
    found = option(measured(fits=10), 0.1, models=200, traffic="zipf:0.8,20")
    assert found.instances is not None
    computed = [point for point in found.points if point.by == "computed"]
    assert {found.instances, round(2.5 * found.instances)} <= {point.instances for point in computed}
    hits = [point.hit_ratio for point in sorted(computed, key=lambda point: point.instances) if point.keeps_up]
    assert hits == sorted(hits, key=lambda hit: hit or 0.0)
    assert [point.usd_per_month for point in computed] == [730 * point.instances for point in computed]
    assert found.usd_per_month == 730 * found.instances


def test_no_number_holds_what_a_quiet_instance_misses() -> None:
    found = option(measured(service=0.05), 0.01)
    assert (found.instances, found.answer, found.usd_per_month) == (None, None, None)
    assert "p99" in found.impossible
    assert "with 1 requests at once, nothing being loaded" in found.impossible


def test_what_would_change_the_answer_comes_first() -> None:
    asked = question(measured(fits=10, contention=None, sure={
        "memory": (0.5, 1.5), "throughput": (0.99, 1.01), "loads": (0.99, 1.01)
    }), 0.1, models=30, traffic="zipf:0.8,5")  # fmt: skip
    sways = find_sways(asked)
    computed = asked.computed()
    assert computed is not None
    memory = next(each for each in sways if each.figure == "the memory of a copy")
    assert (memory.low, memory.high) == ("-50.0%", "+50.0%")
    assert memory.instances_low is not None
    assert memory.instances_high is not None
    assert memory.instances_low < computed < memory.instances_high
    apart = [
        max(abs((n or 10**6) - computed) for n in (each.instances_low, each.instances_high)) for each in sways
    ]
    assert apart == sorted(apart, reverse=True)
    assert any("not measured" in each.figure for each in sways)
    assert not any("not measured" in each.figure for each in find_sways(Question(
        measured(fits=10), asked.demand, asked.planning, asked.objectives, "m"
    )))  # fmt: skip


def test_how_many_loads_go_on_at_a_time_is_said_where_it_is_known() -> None:
    said = "2 loads go on at a time on an instance"
    for at_once, known in ((2, True), (None, False)):
        option = find_option(question(measured(loads_at_once=at_once), models=20, instances=2))
        assert any(said in text for text in option.assumptions) is known


def test_loads_that_wait_for_their_turn_take_no_room_from_others() -> None:
    """With many models that wait to be loaded, more of those that are asked for most stay in memory."""
    hits = {}
    for at_once in (1, None):
        asked = question(
            measured(fits=5, load=0.5, load_seconds={1: 0.5, 4: 2.0}, loads_at_once=at_once),
            models=50,
            traffic="zipf:1.2,2",
            routing="hashed",
        )
        hits[at_once] = asked.simulating.at(1).hit_ratio
    assert hits[1] > hits[None]
