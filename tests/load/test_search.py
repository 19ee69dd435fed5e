import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmebench.load.schedule.plan import Verdict, make_plan, too_short
from mmebench.load.schedule.search import SearchState
from mmebench.spec import Objectives, Search, Stage, Workload


def run(asked: Search, capacity: float, whole: bool) -> tuple[SearchState, list[float]]:
    """Against an endpoint that serves up to ``capacity`` well."""
    state, tried = SearchState.begin(asked, whole), list[float]()
    while not state.over:
        assert len(tried) < 60, "the search does not end"
        tried.append(state.load)
        state = state.told(state.load <= capacity)
    return state, tried


def test_bracket_then_bisect() -> None:
    state, tried = run(Search(first=10, tolerance=0.05), 100, whole=True)
    assert tried[:5] == [10, 20, 40, 80, 160]
    assert state.met is not None
    assert state.missed is not None
    assert 95 <= state.met <= 100 < state.missed


def test_an_endpoint_that_serves_everything() -> None:
    state, tried = run(Search(first=10, limit=100), 1e9, whole=True)
    assert (tried, state.met, state.missed) == ([10, 20, 40, 80, 100], 100, None)


def test_an_endpoint_that_serves_nothing() -> None:
    state, tried = run(Search(first=10), 0, whole=True)
    assert (tried, state.met) == ([10, 5, 2, 1], None)
    state, tried = run(Search(first=10), 0, whole=False)
    assert state.met is None
    assert tried == [10, 5, 2.5, 1.25, 0.625], "a sixteenth of the first load is the last that is tried"


def test_stages_that_cannot_carry_what_is_asked_are_named_before_they_begin() -> None:
    stages = [{"rate": 0.5, "duration": 30}, {"rate": 50, "duration": 30}]
    workload = Workload.model_validate({"arrivals": {"kind": "poisson"}, "profile": {"stages": stages}})
    assert too_short(workload, Objectives(p50=0.01, p99=0.25)) == [
        "stage 1: 12 requests (0.5/s for 24 s after the warm-up) are too few to judge a p99; 3 min 26 s would do"
    ]
    assert too_short(workload, Objectives(p50=0.01, failures=0)) == []


@given(
    first=st.floats(1, 500),
    share=st.floats(1 / 4, 10),  # halving whole users may go down to a third: 3, 1
    tolerance=st.floats(0.01, 0.5),
    whole=st.booleans(),
)
def test_the_answer_is_within_the_tolerance(first: float, share: float, tolerance: float, whole: bool) -> None:
    capacity = max(first * share, 1.0)
    state, tried = run(Search(first=first, limit=100_000, tolerance=tolerance), capacity, whole)
    assert len(set(tried)) == len(tried), "no load is tried twice"
    assert state.met is not None
    assert state.missed is not None
    assert state.met <= capacity < state.missed
    assert state.missed - state.met <= max(tolerance * state.missed, 1 if whole else 0)
    if whole:
        assert all(load == int(load) for load in tried)


def test_where_the_search_begins() -> None:
    assert SearchState.begin(Search(first=2.6), whole=True).load == 3
    assert SearchState.begin(Search(first=2.6), whole=False).load == pytest.approx(2.6)


def probes(stages: int, verdict: Verdict, **search: object) -> list[Stage]:
    """The first stages of a search for a p99 at a Poisson rate."""
    profile = {"search": {"from": 4, "duration": 20, "warmup": 2} | search}
    workload = Workload.model_validate({"arrivals": {"kind": "poisson"}, "profile": profile})
    plan = make_plan(workload, Objectives(p99=0.25))
    return [next(plan), *(plan.send(verdict) for _ in range(stages - 1))]


def test_a_probe_lasts_until_its_p99_can_be_told() -> None:
    up = probes(3, Verdict(True, ""))
    assert [stage.rate for stage in up] == [4, 8, 16]
    assert [stage.duration for stage in up] == [32, 20, 20], "120 requests at 4/s take 30 s after the warm-up"
    assert [stage.warmup_seconds for stage in up] == [2, 2, 2]
    down = probes(4, Verdict(False, ""))
    assert [stage.duration for stage in down] == [32, 62, 122, 200], (
        "and never more than ten times as long as asked"
    )


def test_a_probe_that_cannot_be_judged_is_made_again_for_as_long_as_it_takes() -> None:
    """A closed loop does not say beforehand how many will answer."""
    asked = {"profile": {"search": {"from": 4, "duration": 20, "warmup": 2}}}
    plan = make_plan(Workload.model_validate(asked), Objectives(p99=0.25))
    too_few, met = Verdict(False, "", lengthen=3.0), Verdict(True, "")
    probes = [next(plan), plan.send(too_few), plan.send(met), plan.send(met), plan.send(too_few)]
    assert [(probe.users, probe.duration) for probe in probes] == [(4, 20), (4, 56), (8, 20), (16, 20), (16, 56)]
    assert plan.send(too_few).users == 12, "what cannot be judged even then is not met"
