"""The plan: which stage comes next."""

from collections.abc import Generator
from typing import NamedTuple

import pyarrow as pa

from mmebench.figures.columns import stage_columns
from mmebench.figures.objectives import find_missed
from mmebench.figures.stage import summarise_stage
from mmebench.load.schedule.search import SearchState
from mmebench.record.run import StageWindow
from mmebench.spec import ClosedLoop, Objectives, Stage, Workload

Plan = Generator[Stage, bool, None]
"""Gives stages; is sent whether the last one met the objectives."""


_P99_REQUESTS = 120
"""A p99 needs a hundred requests; arrivals at random may be a few less than expected."""
_LONGEST_PROBE = 10
"""A probe is made this many times longer at most, to gather the requests that a p99 needs."""


def make_plan(workload: Workload, objectives: Objectives) -> Plan:
    """The stages of the profile in order, or those of its search as they follow from each other."""
    if workload.profile.search is None:
        for stage in workload.stages:
            _ = yield stage  # these follow each other whatever is sent
        return
    asked = workload.profile.search
    state = SearchState.begin(asked, whole=isinstance(workload.arrivals, ClosedLoop))
    while not state.over:
        stage = workload.stage(state.load, asked.users, asked.duration, asked.warmup)
        met = yield stage if objectives.p99 is None else _long_enough(stage)
        state = state.told(met)


def _long_enough(stage: Stage) -> Stage:
    """The stage, made longer where at its rate too few requests for a p99 would fall into the window."""
    if stage.rate is None:
        return stage
    warmup = stage.warmup_seconds
    duration = min(warmup + _P99_REQUESTS / stage.rate, _LONGEST_PROBE * stage.duration)
    return stage.model_copy(update={"duration": max(duration, stage.duration), "warmup": warmup})


class Judgement(NamedTuple):
    """Whether a probe met the objectives, and why, in words."""

    met: bool
    note: str


def judge(probe: StageWindow, samples: pa.Table, objectives: Objectives) -> Judgement:
    """Hold a probe against the objectives by the row that it will have in the summary.

    Args:
        probe: its window.
        samples: as :func:`mmebench.figures.stage.summarise_stage` takes them.
        objectives: what is to be met.
    """
    missed = find_missed(stage_columns(summarise_stage(probe, samples, objectives)), objectives)
    return Judgement(not missed, f"missed: {', '.join(missed)}" if missed else "met the objectives")
