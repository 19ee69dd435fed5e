"""The plan: which stage comes next."""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.load.search import SearchState
from mmebench.spec import Objectives, Stage, Workload

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
    state = SearchState.begin(asked, whole=workload.arrivals.kind == "closed")
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


class Verdict(NamedTuple):
    """Whether a probe met the objectives, and why, in words."""

    met: bool
    note: str


def judge(latency_ns: npt.NDArray[np.int64], failures: int, not_started: int, objectives: Objectives) -> Verdict:
    """Hold the samples of a window against the objectives.

    Args:
        latency_ns: of the successes.
        failures: requests that failed.
        not_started: requests that were due and never started; they count as failed, and as infinitely late.
        objectives: what is to be met.
    """
    failed = failures + not_started
    total = len(latency_ns) + failed
    if not total:
        return Verdict(False, "no request was answered within the window")
    missed = []
    if objectives.p99 is not None:
        if total < 100:
            missed.append(f"{total} requests are too few for a p99")
        else:
            late = np.concatenate([latency_ns.astype(float), np.full(not_started, np.inf)])
            p99 = float(np.quantile(late, 0.99, method="inverted_cdf")) / 1e9 if len(late) else np.inf
            if p99 > objectives.p99:
                missed.append(f"p99 {p99 * 1e3:.0f} ms")
    if objectives.failures is not None and failed > objectives.failures * total:
        missed.append(f"{failed / total:.2%} failed")
    if objectives.goodput is not None:
        share = float(np.count_nonzero(latency_ns <= objectives.goodput.within * 1e9)) / total
        if share < objectives.goodput.share:
            missed.append(f"{share:.2%} in good time")
    return Verdict(not missed, f"missed: {', '.join(missed)}" if missed else "met the objectives")
