"""What-ifs: what they say must be true of what happens."""

import math
import re
from typing import Any, get_args

import numpy as np
import pytest

from mmebench.figures.lru import predict_hit_ratio
from mmebench.plan.course import follow
from mmebench.plan.measured import Kind, Memory
from mmebench.plan.option import Question
from mmebench.plan.what_ifs import WHAT_IFS
from mmebench.plan.what_ifs.policies import POLICIES
from mmebench.record.plan import Scenario
from mmebench.spec.planning import WhatIf
from support.plans import measured, question

INSTANCES = 6
ASKED = question(measured(fits=30, load=0.5), 0.4, models=150, traffic="zipf:0.9,60", scale_out_after=60)


def ask(name: Any, of: Question = ASKED, instances: int = INSTANCES) -> Scenario:
    found: Scenario = WHAT_IFS[name](of, instances)
    assert found.name == name
    assert found.title
    assert "nan" not in found.answer
    assert "None" not in found.answer
    return found


def number(pattern: str, scenario: Scenario) -> float:
    found = re.search(pattern, scenario.answer)
    assert found is not None, scenario.answer
    return float(found[1].replace(",", ""))


def test_there_is_one_of_each() -> None:
    assert set(WHAT_IFS) == set(get_args(WhatIf))


def test_twice_the_traffic_takes_at_least_as_many() -> None:
    now = ASKED.simulating.near(INSTANCES)
    assert now is not None
    found = ask("twice", instances=now)
    assert now <= number(r"^(\d+) instances hold", found) <= 2 * now + 1
    assert f"${number('^([0-9]+) ', found) * 730:,.0f} a month" in found.answer


def test_twice_what_none_holds_is_said() -> None:
    impossible = question(measured(service=0.05), 0.01)
    assert "no number of instances" in ask("twice", impossible, 3).answer


def test_an_instance_that_is_lost_makes_nothing_better() -> None:
    found = ask("lost")
    before = [moment for moment in found.course if moment.seconds <= 0]
    after = [moment for moment in found.course if moment.seconds > 0][:2]
    assert min(moment.hit_ratio or 1 for moment in after) < min(moment.hit_ratio or 0 for moment in before)
    assert max(moment.p99_ms or 0 for moment in after) > max(moment.p99_ms or 0 for moment in before)
    assert f"the {INSTANCES - 1} that are left" in found.answer
    assert "only one" in ask("lost", instances=1).answer


def test_after_a_restart_everything_comes_back() -> None:
    found = ask("restart")
    usual = ASKED.simulating.at(INSTANCES).hit_ratio
    assert f"{usual:.1%}" in found.answer
    assert found.course[-1].hit_ratio == pytest.approx(usual, abs=0.02)
    cold = question(measured(fits=30, load=5), 0.4, models=150, traffic="zipf:0.9,60")
    first = ask("restart", cold).course[0]
    assert (first.hit_ratio or 0) <= usual + 0.01
    assert found.course[0].seconds > 0, "nothing was before"


def test_new_instances_help_when_they_come() -> None:
    """An instance answers 205 requests a second: two are too few for twice 240, four are enough."""
    busy = question(
        measured(fits=40, load=0.3), 0.4, models=40, traffic="zipf:0.5,240", scale_out_after=60, routing="random"
    )
    found = ask("scale_out", busy, 2)
    waiting = {moment.seconds: moment.unanswered for moment in found.course}
    assert found.course[0].seconds < 0, "what was before is shown, too"
    worst = max(waiting.values())
    assert worst > 1000
    assert f"up to {worst:,} requests wait" in found.answer
    assert max(count for at, count in waiting.items() if at <= 0) < 100
    assert list(waiting.values())[-1] < worst / 10
    enough = ask("scale_out", busy, 8)
    assert max(moment.unanswered for moment in enough.course) < worst / 5
    # All was well for a minute; but then the new ones come, with nothing in memory.
    back = re.search(r"back after 1 min (\d+) s", enough.answer)
    assert back is not None, enough.answer


def test_no_policy_hits_more_than_the_best_there_is() -> None:
    found = ask("policies", instances=3)
    hits = {row["policy"]: row["hit_ratio"] for row in found.rows}
    assert list(hits) == list(POLICIES)
    assert hits["Belady"] == max(hits.values())
    assert hits["Belady"] > hits["LRU"] + 0.01
    assert hits["LRU"] == pytest.approx(predict_hit_ratio(ASKED.demand.shares, 90), abs=0.01)
    assert f"{hits['LRU']:.2%}" in found.answer
    assert f"no policy could hit more than {hits['Belady']:.2%}" in found.answer


@pytest.mark.parametrize("fits", [1, 9, 12])
def test_policies_of_a_small_memory(fits: int) -> None:
    """One of the library's ends the process where a tenth of the memory is less than a byte."""
    found = ask("policies", question(measured(fits=fits), models=25, traffic="zipf:0.8,20"), 1)
    hits = {row["policy"]: row["hit_ratio"] for row in found.rows}
    assert min(hits.values()) > 0
    assert hits["Belady"] >= hits["LRU"]
    assert ("could hit more" in found.answer) == (hits["Belady"] == max(hits.values()))
    assert ("S3FIFO" in hits) == (fits >= 12)


@pytest.fixture(scope="module")
def of_two_sizes() -> Question:
    return question(
        measured(
            kinds=(Kind("small", 0.5, 0.5, ()), Kind("large", 0.5, 0.5, ())),
            levels=tuple(level._replace(latency=np.repeat(level.latency, 2, 0)) for level in measured().levels),
            loads=np.repeat(measured(load=0.5).loads, 2, 0),
            memory=(Memory(100.0, 50.0), Memory(1000.0, 20.0)),
            budget=8_070.0,
        ),
        2.0,
        models=200,
        traffic="zipf:0.6,20",
    )


def test_what_no_policy_could_hit_is_not_said_of_several_sizes(of_two_sizes: Question) -> None:
    """The one that is asked for last may be a small one, which to evict brings little."""
    found = ask("policies", of_two_sizes, 4)
    hits = {row["policy"]: row["hit_ratio"] for row in found.rows}
    best = max(hits.values())
    claimed = re.search(r"no policy could hit more than ([\d.]+)%", found.answer)
    assert claimed is None or float(claimed[1]) >= 100 * best - 0.005


def test_pinning_is_told_by_what_it_brings() -> None:
    found = ask("pinned")
    assert [row["pinned"] for row in found.rows] == [0, 18, 45, 90]
    plain = found.rows[0]["hit_ratio"]
    assert plain == pytest.approx(ASKED.simulating.at(INSTANCES).hit_ratio)
    if "bring the hit ratio" in found.answer:
        assert max(row["hit_ratio"] for row in found.rows) > plain


@pytest.mark.parametrize("routing", ["random", "least_outstanding", "hashed", "sticky"])
def test_more_than_an_instance_holds_is_not_pinned(routing: str) -> None:
    """Each of ten instances has room for 10: with 50 pinned models in all of them nothing else is answered."""
    asked = question(measured(fits=10, load=0.1), 0.5, models=120, traffic="zipf:0.5,20", routing=routing)
    found = ask("pinned", asked, 10)
    for row in found.rows:
        assert row["hit_ratio"] is None or row["hit_ratio"] < 0.9999
    assert "to 100.00%" not in found.answer


@pytest.mark.parametrize("name", get_args(WhatIf))
def test_what_cannot_keep_up_has_what_ifs_too(name: str) -> None:
    """So many were asked for, and they are too few: there is no hit ratio, and none is told."""
    ask(name, question(measured(servers=1, service=0.1, fits=30), models=20, traffic="zipf:0.5,60"), 2)


@pytest.mark.parametrize("name", get_args(WhatIf))
def test_a_fleet_of_several_kinds_has_what_ifs_too(name: str, of_two_sizes: Question) -> None:
    ask(name, of_two_sizes, 12)


def test_a_course_tells_what_was_lost_and_when_it_is_well_again() -> None:
    requests = ASKED.demand.requests(30_000, 1)
    course = follow(ASKED, requests, [(0.0, 6), (200.0, 5)], 200.0)
    assert course.lost < 30
    assert course.recovered is not None
    assert 0 <= course.recovered < 200
    seconds = [moment.seconds for moment in course.moments]
    assert seconds == sorted(seconds)
    assert seconds[0] < 0 < seconds[-1]


def test_other_ways_to_host_and_from_where_on_they_take_no_more() -> None:
    patient = question(measured(fits=10, load=0.3), 2.0, models=150, traffic="zipf:1.1,60")
    instances = patient.computed()
    assert instances is not None
    found = ask("hosting", patient, instances)
    at = {row["requests_an_hour_a_model"]: row for row in found.rows}
    asked = at[60 * 3600 / 150]
    assert asked["multi_model"] == instances < 15
    assert number(r"inference components (\d+), for memory", found) == asked["components"] == 15
    assert number(r"an endpoint a model (\d+),", found) == asked["single"] == 150
    hourly = number(r"a component a model takes no more than multi-model from ([0-9.,]+) requests", found)
    before = [row for row in found.rows if row["requests_an_hour_a_model"] < hourly / 4]
    after = next(row for row in found.rows if row["requests_an_hour_a_model"] >= hourly * 0.99)
    assert before
    assert all(row["multi_model"] < row["components"] for row in before)
    assert after["components"] <= (after["multi_model"] or 1e9)
    assert {each.models for each in found.ways} == {15, 150, 450, 1500}
    for models in (15, 150, 450, 1500):
        own = [each for each in found.ways if each.models == models]
        most = math.ceil(models / 10) + 1
        assert {each.components for each in own} <= {most - 1, most}, (
            "popularity brings a second copy, and no more"
        )
        taken = [each.multi_model or 0 for each in own]
        assert taken == sorted(taken, reverse=True), "the steeper, the fewer"


def test_components_take_no_more_where_nothing_may_be_cold() -> None:
    found = ask("hosting")
    assert "a component a model takes no more than multi-model at any traffic that was looked at" in found.answer
    assert "an endpoint a model takes more than multi-model at" in found.answer


def test_hosting_where_nothing_holds() -> None:
    impossible = question(measured(service=0.05), 0.01)
    assert "neither inference components nor an endpoint a model hold" in ask("hosting", impossible, 3).answer
