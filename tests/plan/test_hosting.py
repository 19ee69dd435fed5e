"""Models that are always in memory: components, and an endpoint for each."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmebench.plan.hosting import InMemory
from mmebench.plan.measured import Kind, Memory
from mmebench.plan.option import Question
from mmebench.plan.simulation.simulated import simulate
from support.plans import lognormal, measured, question

ASKED = question(measured(fits=30), 0.1, models=100, traffic="zipf:1,300")


def components(of: Question) -> tuple[int, str]:
    found = InMemory(of).components(of.demand)
    assert found is not None
    return found


def single(of: Question) -> int:
    found = InMemory(of).single(of.demand)
    assert found is not None
    return found


def test_little_traffic_takes_as_many_components_as_memory_does() -> None:
    quiet = question(measured(fits=30), 0.1, models=100, traffic="zipf:1,1")
    assert components(quiet) == (math.ceil(100 / 30), "memory")
    assert single(quiet) == 100, "an endpoint a model"


def test_a_component_on_sagemaker_has_a_gpu_alone() -> None:
    quiet = question(measured(fits=30), 0.1, models=100, traffic="zipf:1,1")
    for instance_type, instances in (("ml.g5.xlarge", 100), ("ml.g5.12xlarge", 25)):
        there = replace(quiet, measured=replace(quiet.measured, instance_type=instance_type))
        assert components(there) == (instances, "GPUs, of which each component has one alone")


def test_much_traffic_takes_as_many_as_compute_does() -> None:
    busy = question(measured(fits=30), 0.1, models=20, traffic="zipf:0,2000")
    most = InMemory(busy).most_per_second
    assert 150 < most < busy.measured.most_per_second
    assert components(busy) == (math.ceil(2000 / most), "compute")
    assert single(busy) == 20 * math.ceil(100 / most)


def test_a_model_that_is_asked_for_most_of_the_time_has_several_copies() -> None:
    steep = question(measured(fits=5), 0.1, models=10, traffic="zipf:3,1000")
    most, hottest = InMemory(steep).most_per_second, 1000 * steep.demand.shares[0]
    assert hottest > 3 * most
    assert single(steep) >= 9 + math.ceil(hottest / most)
    count, _ = components(steep)
    assert count >= math.ceil(1000 / most)


def test_a_simulation_of_as_many_holds_the_objectives_and_of_fewer_does_not() -> None:
    """With room for all everywhere, and requests that go to whoever has least to do."""
    busy = question(measured(fits=30), 0.1, models=20, traffic="zipf:0.5,2000", routing="random", copies="loaded")
    count, limit = components(busy)
    assert limit == "compute"
    for instances, holds in ((count, True), (count - 1, False)):
        done = simulate(busy.measured, busy.demand, busy.planning, instances)
        assert done.hit_ratio > 0.999
        assert (not done.missed(busy.objectives)) is holds
    for instances, apart in ((count, 0.2), (2 * count, 0.05)):
        tail = InMemory(busy).components_tail(busy.demand, instances)
        done = simulate(busy.measured, busy.demand, busy.planning, instances)
        assert tail.p50 == pytest.approx(done.all.p50, rel=apart)
        assert tail.p99 == pytest.approx(done.all.p99, rel=apart)


def test_of_an_endpoint_a_model_most_are_as_quick_as_on_a_quiet_instance() -> None:
    tail = InMemory(ASKED).single_tail(ASKED.demand)
    alone = np.quantile(ASKED.measured.levels[0].latency, [0.5, 0.99])
    assert tail.p50 == pytest.approx(alone[0], rel=0.15)
    assert alone[1] * 0.95 < tail.p99 < 0.1


def test_nothing_holds_what_a_quiet_instance_misses() -> None:
    impossible = InMemory(question(measured(service=0.05), 0.01))
    assert impossible.most_per_second == 0
    assert impossible.components(impossible.question.demand) is None
    assert impossible.single(impossible.question.demand) is None


def two_kinds(**others: Any) -> Question:
    """Small and quick ones with most requests, and few large slow ones."""
    one = measured(fits=10, kinds=(Kind("small", 0.9, 0.5, ()), Kind("large", 0.1, 0.5, ())))
    return question(
        replace(
            one,
            levels=tuple(
                level._replace(latency=np.stack([level.latency[0], level.latency[0] * 2])) for level in one.levels
            ),
            loads=np.stack([lognormal(1, 0.2), lognormal(3, 0.2)]),
            memory=(Memory(1.0, 0.5), Memory(3.0, 0.5)),
        ),
        models=40,
        **others,
    )


def test_of_a_fleet_each_kind_has_its_own_memory() -> None:
    quiet = two_kinds(traffic="zipf:1,1")
    assert components(quiet) == (math.ceil((20 * 1 + 20 * 3) / (10 - 1)), "memory")
    in_memory = InMemory(quiet)
    assert in_memory.most_of_kind[0] >= in_memory.most_of_kind[1] > 0
    assert single(quiet) == 40
