"""The plan: which stage comes next."""

import math
from collections.abc import Generator
from typing import NamedTuple

import pyarrow as pa

from mmebench.figures.columns import stage_columns
from mmebench.figures.objectives import judge_stage
from mmebench.figures.stage import PERCENTILES, summarise_stage
from mmebench.figures.statistics import lacking
from mmebench.load.schedule.search import SearchState
from mmebench.record.run import StageWindow
from mmebench.spec import ClosedLoop, Objectives, Stage, Workload
from mmebench.units import human_number, human_seconds

Plan = Generator[Stage, "Verdict", None]
"""Gives stages; is sent what each came to, which only a search looks at."""

_LONGEST_PROBE = 10
"""A probe is made this many times longer at most, to gather the answers that its objectives take."""
_SPARE = 1.2
"""Arrivals at random, and answers of another stretch of time, may be a few less than expected."""


class Verdict(NamedTuple):
    """Whether a stage met the objectives, and why, in words."""

    met: bool
    note: str
    lengthen: float = 1
    """By so much longer, it would have had enough answers to be judged; 1 where it had them."""


NOT_ASKED = Verdict(False, "")
"""Of a stage that nobody holds against anything."""


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
        stage = _longer(stage, _expected_lack(stage, objectives))
        verdict = yield stage
        if verdict.lengthen > 1 and (longer := _longer(stage, verdict.lengthen)) != stage:
            verdict = yield longer
        state = state.told(verdict.met)


def too_short(workload: Workload, objectives: Objectives) -> list[str]:
    """The stages that will not have answers enough for what is asked of them, a sentence each.

    Of an open loop, whose rate is known before; a search makes its stages as long as they must be.
    """
    if workload.profile.search is not None:
        return []
    said = []
    for number, stage in enumerate(workload.stages, 1):
        if stage.rate is None or (factor := _expected_lack(stage, objectives) / _SPARE) <= 1:
            continue
        window = stage.duration - stage.warmup_seconds
        hardest = list(objectives.percentiles)[-1]
        said.append(
            f"stage {number}: {human_number(stage.rate * window)} requests ({human_number(stage.rate)}/s for "
            f"{human_seconds(window)} after the warm-up) are too few to judge a {hardest}; "
            f"{human_seconds(math.ceil(factor * window + stage.warmup_seconds))} would do"
        )
    return said


def _expected_lack(stage: Stage, objectives: Objectives) -> float:
    """By how much longer a stage of an open loop must be, so that its answers carry what is asked of them."""
    if stage.rate is None:
        return 1
    shares = [PERCENTILES[name] for name in objectives.percentiles]
    needed = max((lacking(0, share) for share in shares), default=0)
    return _SPARE * needed / (stage.rate * (stage.duration - stage.warmup_seconds))


def _longer(stage: Stage, factor: float) -> Stage:
    """The stage with a window that many times as long, as far as a probe may be; as it is where that is less."""
    window = stage.duration - stage.warmup_seconds
    duration = min(stage.warmup_seconds + factor * window, _LONGEST_PROBE * stage.duration)
    if duration <= stage.duration:
        return stage
    return stage.model_copy(update={"duration": duration, "warmup": stage.warmup_seconds})


def judge(probe: StageWindow, samples: pa.Table, objectives: Objectives) -> Verdict:
    """Hold a probe against the objectives by the row that it will have in the summary.

    What cannot be judged is not met.

    Args:
        probe: its window.
        samples: as :func:`mmebench.figures.stage.summarise_stage` takes them.
        objectives: what is to be met.
    """
    summary = summarise_stage(probe, samples, objectives)
    judged = judge_stage(stage_columns(summary), objectives)
    if judged.standing == "held":
        return Verdict(True, "met the objectives")
    if judged.standing == "missed":
        return Verdict(False, f"missed: {judged.reasons}")
    lengthen = _SPARE * (1 + judged.more / summary.successes) if judged.more and summary.successes else 1
    return Verdict(False, f"cannot be judged: {judged.reasons}", lengthen)
