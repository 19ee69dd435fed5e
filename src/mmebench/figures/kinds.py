"""What each kind of model of a fleet came to in a stage, computed from the same samples as the whole."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa

from mmebench.figures.fairness import jain_index
from mmebench.figures.stage import StageSummary, good_within, summarise_own
from mmebench.figures.statistics import NAN, find_percentiles
from mmebench.record.own_samples import OwnSamples, Reduced
from mmebench.record.run import StageWindow
from mmebench.spec import Objectives

_QUICK = 0.05
_FEWEST = 20
"""Of fewer answers the 5th percentile is only the quickest one."""


class AskedFor(Protocol):
    """A kind of model, as a load asks for it and as a record says it."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Its targets."""

    @property
    def requests(self) -> float:
        """Its share of the requests."""


@dataclass(frozen=True)
class KindStage:
    """One kind in one stage. Shares are of the whole stage; NaN where nobody knows."""

    summary: StageSummary
    """``users`` are the stage's. Of requests that were never started nobody knows the kind: a kind has its share
    of them. Little's law is of all requests in the system and says nothing of one kind."""
    requests_share: float
    """Of the requests that were asked for; of a trace, of those that were due."""
    served_share: float
    """Of the successes."""
    slowest_share: float
    """Of the slowest hundredth of the stage's answers, with all that took as long as the quickest of them."""
    busy_share: float
    """Of the time that requests, of whichever kind, were with the endpoint within the window."""
    quick: float
    """The 5th percentile of latency in milliseconds: what an answer takes when little is in its way."""


def summarise_kinds(
    window: StageWindow, samples: pa.Table, kinds: Sequence[AskedFor], objectives: Objectives
) -> dict[str, StageSummary]:
    """The figures of each kind, by its name.

    Args:
        window: of the stage.
        samples: as :func:`mmebench.figures.stage.summarise_stage` takes them.
        kinds: of the fleet.
        objectives: those of a kind, or else of all, say when an answer is in good time.
    """
    own = OwnSamples(window, len(samples), targets_of(kinds))
    own.add(samples)
    whole = summarise_own(window, own.reduce(), objectives)
    return {name: each.summary for name, each in split_stage(window, own, whole, kinds, objectives).items()}


def targets_of(kinds: Sequence[AskedFor]) -> list[tuple[str, ...]]:
    """Those of each kind, as :class:`OwnSamples` takes them."""
    return [kind.targets for kind in kinds]


def split_stage(
    window: StageWindow, own: OwnSamples, whole: StageSummary, kinds: Sequence[AskedFor], objectives: Objectives
) -> dict[str, KindStage]:
    """The kinds of a stage by their names; ``own`` knows their targets, and ``whole`` is what it came to."""
    parts = list(own.reduce_kinds())
    asked = [len(part.latency) + len(part.failed) for part in parts]
    traced = window.due is not None and window.rate is None
    shares = [_share(count, sum(asked)) for count in asked] if traced else [kind.requests for kind in kinds]
    busy = sum(part.busy_ns for part in parts)
    tail = math.inf if math.isnan(whole.p99) else round(whole.p99 * 1e6)
    slow = [int(np.count_nonzero(part.latency >= tail)) for part in parts]
    return {
        kind.name: KindStage(
            _summarise(window, part, whole, share, kind.name, objectives),
            share,
            _share(len(part.latency), whole.successes),
            _share(slower, sum(slow)),
            _share(part.busy_ns, busy),
            _quick(part),
        )
        for kind, part, share, slower in zip(kinds, parts, shares, slow, strict=True)
    }


def _summarise(
    window: StageWindow, part: Reduced, whole: StageSummary, share: float, name: str, objectives: Objectives
) -> StageSummary:
    never = None if window.not_started is None else round(window.not_started * share)
    own = objectives.of(name)
    summary = summarise_own(
        window.model_copy(update={"not_started": never, "note": None}),
        part,
        objectives if good_within(own) is None else own,
    )
    return replace(summary, offered=whole.offered * share, littles_law=NAN)


def _quick(part: Reduced) -> float:
    if len(part.latency) < _FEWEST:
        return NAN
    (quick,) = find_percentiles(part.latency.copy(), (_QUICK,))
    return quick / 1e6


def _share(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def find_slowdowns(stages: Sequence[Mapping[str, KindStage]]) -> list[dict[str, float]]:
    """For each stage of a run, how many times as long answers of each kind took as they need to.

    The mean latency over the least 5th percentile of the kind's in any stage of the run, which is about what an
    answer takes when nothing is in its way. NaN where no stage has 20 answers of the kind.
    """
    least: dict[str, float] = {}
    for stage in stages:
        for name, kind in stage.items():
            if kind.quick > 0:
                least[name] = min(kind.quick, least.get(name, kind.quick))
    return [
        {name: kind.summary.mean / least[name] if name in least else NAN for name, kind in stage.items()}
        for stage in stages
    ]


def fairness_of(slowdowns: Iterable[float]) -> float:
    """Jain's index of the slowdowns of kinds; those that are not known are left out."""
    known = np.array([slowdown for slowdown in slowdowns if slowdown > 0])
    return jain_index(known)
