"""The plan: which stage comes next."""

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from mmebench.figures.columns import stage_columns
from mmebench.figures.kinds import summarise_kinds
from mmebench.figures.objectives import BY_MODEL, judge_stage
from mmebench.figures.stage import PERCENTILES, StageSummary, summarise_stage
from mmebench.figures.statistics import lacking
from mmebench.load.asked_kind import AskedKind
from mmebench.load.schedule.auto import Point, ThoroughStage, next_users, not_yet_precise, probe
from mmebench.load.schedule.search import SearchState
from mmebench.load.schedule.settling import is_precise
from mmebench.record.run import StageWindow
from mmebench.spec import Auto, ClosedLoop, Objectives, Stage, Workload
from mmebench.units import human_number, human_seconds

Plan = Generator[Stage, "Verdict", None]
"""Gives stages; is sent what each came to, at which a search and auto look."""

_LONGEST_PROBE = 10
"""A probe is made this many times longer at most, to gather the answers that its objectives take."""
_SPARE = 1.2
"""Arrivals at random, and answers of another stretch of time, may be a few less than expected."""


FOUND = ("p50", "p95", "p99")
"""The percentiles that are precise in the end, of what auto finds."""


class Verdict(NamedTuple):
    """Whether a stage met the objectives, and why, in words."""

    met: bool
    note: str
    lengthen: float = 1
    """By so much longer, it would have had enough answers to be judged; 1 where it had them."""
    point: Point | None = None
    """What it tells of knee and objectives, where ``profile: auto`` wants to know."""


NOT_ASKED = Verdict(False, "")
"""Of a stage that nobody holds against anything."""


NO_FLEET: Mapping[str, float] = {}
"""The shares of the models of a load on one model."""


def make_plan(workload: Workload, objectives: Objectives, shares: Mapping[str, float] = NO_FLEET) -> Plan:
    """The stages of the profile in order, or those of a search or of auto as they follow from each other."""
    if workload.profile.auto is not None:
        yield from _find_all(workload.profile.auto, objectives)
        return
    if workload.profile.search is None:
        for stage in workload.stages:
            _ = yield stage  # these follow each other whatever is sent
        return
    asked = workload.profile.search
    state = SearchState.begin(asked, whole=isinstance(workload.arrivals, ClosedLoop))
    while not state.over:
        stage = workload.stage(state.load, asked.users, asked.duration, asked.warmup)
        stage = _longer(stage, max(_expected_lack(stage, objectives, shares).values(), default=1))
        verdict = yield stage
        if verdict.lengthen > 1 and (longer := _longer(stage, verdict.lengthen)) != stage:
            verdict = yield longer
        state = state.told(verdict.met)


def _find_all(asked: Auto, objectives: Objectives) -> Plan:
    points: dict[int, Point] = {}
    while (users := next_users(asked, points, objectives.limit_latency)) is not None:
        verdict = yield probe(users, asked, points)
        assert verdict.point is not None
        points[users] = verdict.point
    for users in not_yet_precise(points, objectives.limit_latency):
        yield ThoroughStage(users=users, duration=asked.longest)


def too_short(workload: Workload, objectives: Objectives, shares: Mapping[str, float] = NO_FLEET) -> list[str]:
    """The stages that will not have answers enough for what is asked of them, a sentence each.

    Of an open loop, whose rate is known before.

    Args:
        workload, objectives: of a load.
        shares: of a fleet, the part of the requests that each model gets.
    """
    if not workload.stages:  # of a search and of auto they become as long as they must be
        return []
    said = []
    for number, stage in enumerate(workload.stages, 1):
        lack = _expected_lack(stage, objectives, shares)
        if stage.rate is None or not lack:
            continue
        hardest = max(lack, key=lambda what: lack[what])
        factor, window = lack[hardest] / _SPARE, stage.duration - stage.warmup_seconds
        if factor > 1:
            said.append(
                f"stage {number}: {human_number(stage.rate * window)} requests ({human_number(stage.rate)}/s for "
                f"{human_seconds(window)} after the warm-up) are too few to judge a {hardest}; "
                f"{human_seconds(math.ceil(factor * window + stage.warmup_seconds))} would do"
            )
    return said


def _expected_lack(stage: Stage, objectives: Objectives, shares: Mapping[str, float]) -> dict[str, float]:
    """By how much longer a stage of an open loop must be, so that its answers carry each thing that is asked.

    By what that is, ``p99`` or ``p99 of reviews``; nothing of a closed loop.
    """
    if stage.rate is None:
        return {}
    requests = stage.rate * (stage.duration - stage.warmup_seconds)
    asked = [("", 1.0, objectives.percentiles)]
    asked += [(f" of {name}", shares.get(name, 1.0), own.percentiles) for name, own in objectives.models.items()]
    return {
        f"{percentile}{whose}": _SPARE * lacking(0, PERCENTILES[percentile]) / (requests * part)
        for whose, part, percentiles in asked
        for percentile in percentiles
    }


def _longer(stage: Stage, factor: float) -> Stage:
    """The stage with a window that many times as long, as far as a probe may be; as it is where that is less."""
    window = stage.duration - stage.warmup_seconds
    duration = min(stage.warmup_seconds + factor * window, _LONGEST_PROBE * stage.duration)
    if duration <= stage.duration:
        return stage
    return stage.model_copy(update={"duration": duration, "warmup": stage.warmup_seconds})


def judge(
    probe: StageWindow, samples: pa.Table, objectives: Objectives, kinds: Sequence[AskedKind] = ()
) -> Verdict:
    """Hold a probe against the objectives by the row that it will have in the summary.

    What cannot be judged is not met.

    Args:
        probe: its window.
        samples: as :func:`mmebench.figures.stage.summarise_stage` takes them.
        objectives: what is to be met.
        kinds: what was asked for; looked at where single models of a fleet have objectives of their own.
    """
    return _judge(summarise_stage(probe, samples, objectives), probe, samples, objectives, kinds)


def look(
    probe: StageWindow,
    samples: pa.Table,
    asked: Auto,
    objectives: Objectives,
    kinds: Sequence[AskedKind] = (),
    thorough: bool = False,
) -> Verdict:
    """The same, and what it tells of knee and limits.

    Args:
        probe, samples, objectives, kinds: as for :func:`judge`.
        asked: what is wanted of auto.
        thorough: whether it was a :class:`ThoroughStage`, which is as precise as it gets.
    """
    summary = summarise_stage(probe, samples, objectives)
    verdict = _judge(summary, probe, samples, objectives, kinds)
    limits = {name: limit * 1e3 for name, limit in objectives.percentiles.items()}
    figures = {"p50": summary.p50, "p90": summary.p90, "p95": summary.p95, "p99": summary.p99}
    # Of few answers a high percentile is not known; the largest is what a search has to go by.
    known = {name: summary.maximum if math.isnan(figure) else figure for name, figure in figures.items()}
    nearest = max(limits, key=lambda name: known[name] / limits[name], default=None)
    excess = math.nan if nearest is None else known[nearest] / limits[nearest]
    excess_high = math.nan if nearest is None else summary.intervals[nearest].high / limits[nearest]
    point = Point(
        rate=summary.throughput,
        held=verdict.met or (verdict.lengthen > 1 and excess <= 1),
        excess=excess,
        rate_high=summary.intervals["throughput"].high,
        excess_high=excess_high,
        clean=summary.failures == 0 and summary.successes > 0,
        precise=thorough
        or is_precise([summary.intervals[name] for name in ("throughput", *FOUND)], asked.precision),
    )
    return verdict._replace(point=point, note="")


def _judge(
    summary: StageSummary,
    probe: StageWindow,
    samples: pa.Table,
    objectives: Objectives,
    kinds: Sequence[AskedKind],
) -> Verdict:
    row: dict[str, Any] = dict(stage_columns(summary))
    if objectives.models:
        by_kind = summarise_kinds(probe, samples, kinds, objectives)
        row[BY_MODEL] = {name: stage_columns(each) for name, each in by_kind.items()}
    judged = judge_stage(row, objectives)
    if judged.standing == "held":
        return Verdict(True, "met the objectives")
    if judged.standing == "missed":
        return Verdict(False, f"missed: {judged.reasons}")
    lengthen = _SPARE * (1 + judged.more / summary.successes) if judged.more and summary.successes else 1
    return Verdict(False, f"cannot be judged: {judged.reasons}", lengthen)
