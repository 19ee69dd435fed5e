"""The plan computed, against the plan simulated."""

import pytest

from support.plans import measured, question, random_question


@pytest.mark.parametrize("seed", [0, 2, 4, 10, 13, 17, 20, 22])
def test_both_find_the_same_number_of_instances(seed: int) -> None:
    asked = random_question(seed)
    computing, simulating = asked.computing, asked.simulating
    computed = computing.fewest(asked.fewest)
    assert computed is not None
    simulated = simulating.near(computed)
    assert simulated is not None
    assert abs(computed - simulated) <= 1
    here, there = computing.at(simulated), simulating.at(simulated)
    assert here.hit_ratio == pytest.approx(there.hit_ratio, abs=0.02)
    assert here.loads_per_s == pytest.approx(there.loads_per_s, rel=0.15, abs=0.02)
    assert here.all.p50 == pytest.approx(there.all.p50, rel=0.1)


@pytest.mark.parametrize(
    ("routing", "instances"),
    [("sticky", 5), ("sticky", 6), ("hashed", 4), ("hashed", 8), ("random", 20), ("least_outstanding", 20)],
)
def test_both_say_how_requests_go_by_every_routing(routing: str, instances: int) -> None:
    asked = question(measured(load=0.3, fits=60), routing=routing, models=300, traffic="zipf:0.9,60")
    computed, simulated = asked.computing.at(instances), asked.simulating.at(instances)
    assert computed.keeps_up
    assert simulated.keeps_up
    assert computed.hit_ratio == pytest.approx(simulated.hit_ratio, abs=0.02)
    assert computed.all.p50 == pytest.approx(simulated.all.p50, rel=0.1)
    if routing != "least_outstanding":  # which the computation takes for a random one, and is quicker
        assert computed.all.p99 == pytest.approx(simulated.all.p99, rel=0.2)


def test_hashed_the_instance_with_the_hottest_model_is_told_apart() -> None:
    """It gets six in ten of the requests of all, and is why the objective is missed however many there are."""
    asked = question(
        measured(service=0.1, servers=4, fits=100), 0.15, routing="hashed", models=200, traffic="zipf:2,40"
    )
    computed, simulated = asked.computing.at(40), asked.simulating.at(40)
    assert computed.all.p99 == pytest.approx(simulated.all.p99, rel=0.15)
    assert asked.computing.missed(40)
    assert asked.simulating.missed(40)


def test_neither_keeps_up_with_more_than_is_answered() -> None:
    asked = question(measured(servers=1, service=0.05, load=0.1, fits=1000), traffic="zipf:1,50")
    assert asked.fewest == 3
    for search in (asked.computing, asked.simulating):
        assert not search.at(2).keeps_up
        assert search.at(2).missed(asked.objectives) == ("it cannot keep up",)
        assert search.at(5).keeps_up


def test_loads_slow_requests_down_as_much_as_was_asked_for() -> None:
    undisturbed, disturbed = (
        question(measured(servers=2, load=0.2, fits=35), contention=contention, models=120, traffic="zipf:0.5,10")
        for contention in (0.0, 3.0)
    )
    p95 = []
    for asked in (undisturbed, disturbed):
        computed, simulated = asked.computing.at(3), asked.simulating.at(3)
        assert simulated.hit_ratio < 0.97
        assert computed.warm.p95 == pytest.approx(simulated.warm.p95, rel=0.12)
        p95.append(simulated.warm.p95)
    assert p95[1] > 1.1 * p95[0]


def test_what_is_pinned_and_cannot_be_held_is_told() -> None:
    """Where memory is full of what is pinned the others wait for ever: no hit ratio is to be made of the rest."""
    asked = question(measured(fits=10), models=200, pinned=60, routing="random", traffic="zipf:0.5,20")
    simulated = asked.simulating.at(100)
    assert not simulated.keeps_up
    assert simulated.missed(asked.objectives) == ("it cannot keep up",)
