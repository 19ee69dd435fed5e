"""What a trial comes to, and which trials none beats."""

import math
from typing import Any, get_args

import pytest

from mmebench.figures.pareto import find_pareto_front
from mmebench.figures.statistics import Estimate
from mmebench.figures.trial import (
    GOALS,
    Trial,
    TrialFigures,
    figures_by_stage,
    figures_of,
    is_shown_worse,
    ranked,
)
from mmebench.spec import Objectives
from mmebench.spec.tuning import Goal
from support.summaries import stages

LIMITED = Objectives.model_validate({"p99": "250ms"})
ROWS = stages("b8", [(1, 20.0, 50.0, 1000, 0), (4, 60.0, 100.0, 1000, 0), (8, 70.0, 200.0, 1000, 0)])


def trial(name: str, **figures: Any) -> Trial:
    known: dict[str, Any] = {
        "capacity": 4.0,
        "capacity_is_least": False,
        "throughput": Estimate(50.0, 48.0, 52.0),
        "p99_ms": Estimate(100.0, 90.0, 110.0),
        "usd_per_hour": math.nan,
        "load": 8.0,
        "beyond": 0.0,
    }
    return Trial(name, {"a": name}, "measured", (TrialFigures(**(known | figures)),))


def test_the_largest_load_within_the_objectives_counts() -> None:
    figures = figures_of(ROWS.assign(capacity=5), LIMITED, "throughput")
    assert figures.throughput == Estimate(60.0, 57.0, 63.0)
    assert (figures.load, figures.p99_ms.value, figures.capacity, figures.held) == (4, 200.0, 5, True)
    assert figures_of(ROWS, Objectives(), "throughput").load == 8


def test_the_p99_is_that_of_the_largest_load_whatever_others_have() -> None:
    figures = figures_of(ROWS, LIMITED, "p99")
    assert (figures.load, figures.p99_ms.value) == (8, 400.0)
    assert figures.beyond == pytest.approx(400 / 250 - 1)
    assert not figures.held


def test_how_far_it_is_beyond_the_objectives_is_that_of_its_best_stage() -> None:
    strict = Objectives.model_validate({"p99": "80ms"})
    figures = figures_of(ROWS, strict, "throughput")
    assert figures.beyond == pytest.approx(100 / 80 - 1)
    assert figures.missed
    failing = stages("b8", [(1, 20.0, 50.0, 900, 100)])
    assert not figures_of(failing, Objectives(), "throughput").held
    assert not figures_of(failing, Objectives(), "throughput").missed, "no limit on latency is"


def test_after_each_stage_those_until_then() -> None:
    assert [figures.load for figures in figures_by_stage(ROWS, LIMITED, "throughput")] == [1, 4, 4]


def test_goals() -> None:
    priced = figures_of(ROWS.assign(capacity=5, usd_per_hour=2.0), LIMITED, "cost")
    assert set(GOALS) == set(get_args(Goal))
    assert GOALS["capacity"].of(priced) == Estimate(5, 5, 5)
    assert GOALS["capacity_throughput"].of(priced) == Estimate(150.0, 142.5, 157.5), "for a dollar an hour"
    cost = GOALS["cost"].of(priced)
    assert cost.value == pytest.approx(2.0 / 3600 / 60 * 1e6)
    assert cost.low < cost.value < cost.high
    free = figures_of(ROWS.assign(capacity=5), LIMITED, "cost")
    assert GOALS["capacity_throughput"].of(free).value == 300
    assert math.isnan(GOALS["cost"].of(free).value)


def test_ranked_are_those_that_count() -> None:
    best, worse = trial("best"), trial("worse", throughput=Estimate(30.0, 29.0, 31.0))
    missed = trial("missed", throughput=Estimate(90.0), beyond=0.5)
    early = Trial("early", {}, "ended early", best.by_stage)
    failed = Trial("failed", {}, "failed", reason="no")
    assert ranked([worse, missed, early, best, failed], "throughput") == [best, worse]
    assert ranked([best, trial("late", p99_ms=Estimate(120.0))], "p99")[0] is best


def test_a_difference_within_the_intervals_may_be_chance() -> None:
    best = trial("best")
    assert not is_shown_worse(trial("other", throughput=Estimate(49.0, 47.0, 51.0)), best, "throughput")
    assert is_shown_worse(trial("other", throughput=Estimate(40.0, 38.0, 42.0)), best, "throughput")
    assert is_shown_worse(trial("other", p99_ms=Estimate(150.0, 140.0, 160.0)), best, "p99")
    assert not is_shown_worse(trial("other", throughput=Estimate(40.0)), best, "throughput"), "no interval"
    assert is_shown_worse(trial("other", capacity=3.0), best, "capacity"), "which is counted"
    assert not is_shown_worse(trial("other"), best, "capacity")


def test_the_front_has_what_none_equals_or_beats() -> None:
    fast = trial("fast", throughput=Estimate(80.0))
    many = trial("many", capacity=9.0)
    quick = trial("quick", p99_ms=Estimate(10.0))
    beaten = trial("beaten", throughput=Estimate(79.0), p99_ms=Estimate(101.0))
    twin = trial("twin", capacity=9.0)
    missed = trial("missed", capacity=99.0, beyond=1.0)
    assert find_pareto_front([beaten, fast, many, quick, twin, missed]) == [fast, many, quick]
