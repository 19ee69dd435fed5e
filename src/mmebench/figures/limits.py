"""Limits on what may change, for whoever checks results automatically: ``p99>+10%``."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mmebench.errors import BadInputError
from mmebench.figures.comparison import Comparison
from mmebench.figures.metric import METRICS
from mmebench.figures.stage_changes import FAILURES, Change, StageChange

_LIMIT = re.compile(r"\s*([a-z0-9.]+)\s*([<>])\s*([+-]?\d+(?:\.\d+)?)\s*%\s*")


@dataclass(frozen=True)
class Limit:
    """A change that is not to be."""

    text: str
    metric: str
    above: bool
    """Whether a change above ``share`` is meant, or one below."""
    share: float
    """A tenth for 10 %; of the share of failures one in ten requests."""

    def exceeded(self, stages: list[StageChange]) -> list[str]:
        """Where it came to that, in words: beyond the limit, and more than chance."""
        return [
            f"{self.text}: {stage.name}: {change.metric} changed by {change.change.value:+.1%}"
            for stage in stages
            for change in stage.changes
            if change.metric == self.metric and self._beyond(change) and change.verdict in ("better", "worse")
        ]

    def unknown(self, stages: list[StageChange]) -> list[str]:
        """Where nobody can say, in words: a figure is missing on one side, or answers are too few."""
        said = []
        for stage in stages:
            known = [change for change in stage.changes if change.metric == self.metric]
            if not known:
                said.append(f"{self.text}: {stage.name}: not both have a {self.metric}")
            elif known[0].verdict == "too few to say":
                said.append(f"{self.text}: {stage.name}: answers, or runs, are too few to say")
        return said or ([] if stages else [f"{self.text}: no load was offered to both"])

    def _beyond(self, change: Change) -> bool:
        return change.change.value > self.share if self.above else change.change.value < self.share


def parse_limit(text: str) -> Limit:
    """The limit in ``p99>+10%`` or ``throughput<-5%``.

    Raises:
        BadInputError: it is none.
    """
    match = _LIMIT.fullmatch(text)
    allowed = [*METRICS, FAILURES]
    if match is None or match[1] not in allowed:
        raise BadInputError(
            f"--fail-on: got {text!r}; write a metric, > or <, and a change in percent, like p99>+10% or "
            f"throughput<-5%; metrics: {', '.join(allowed)}"
        )
    return Limit(text.strip(), match[1], match[2] == ">", float(match[3]) / 100)


class Checked(NamedTuple):
    """One limit on one pair of sides."""

    limit: str
    pair: str
    """Which sides, in words."""
    exceeded: tuple[str, ...]
    """Where, in words; empty where it holds."""
    unknown: tuple[str, ...]
    """Where it cannot be judged, in words."""


def check_limits(comparison: Comparison, limits: Sequence[Limit]) -> Iterator[Checked]:
    """Hold all requests together, and each kind of model of a fleet, against each limit."""
    for model in comparison.models:
        own = [stage for stage in comparison.stages if stage.model == model]
        for limit in limits:
            text = limit.text if model is None else f"{limit.text} of {model}"
            yield Checked(text, comparison.name, tuple(limit.exceeded(own)), tuple(limit.unknown(own)))
