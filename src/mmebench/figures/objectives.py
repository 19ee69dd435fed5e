"""How a stage stands to the objectives, read off its row in the summary: held, missed, or not to be judged.

A search asks it of each probe and a report of each row: what either says is what the row shows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mmebench.figures.failures import count_failed
from mmebench.figures.metric import METRICS
from mmebench.figures.stage import PERCENTILES
from mmebench.figures.statistics import lacking
from mmebench.spec import Objectives
from mmebench.spec.workload import ModelObjectives

if TYPE_CHECKING:  # processes that offer load have no need of it
    import pandas as pd

Standing = Literal["held", "missed", "unknown"]

_MOST = 5
"""Reasons that are told: a fleet may have one for each of its kinds."""
BY_MODEL = "by_model"
"""In a row of a fleet: the rows of its kinds of models, by their names. No file has this column."""


def kind_rows(row: "Mapping[Any, Any] | pd.Series[Any]") -> Mapping[str, Mapping[Any, Any]]:
    """The rows of the kinds that a row of a fleet holds; none where it is of one model."""
    rows = row.get(BY_MODEL)
    return rows if isinstance(rows, Mapping) else {}


class Judgement(NamedTuple):
    """What a stage misses and what nobody can say of it, in words; where there is neither, it holds all."""

    missed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    more: int = 0
    """How many more requests it takes to say what is unknown, as far as requests would tell it."""

    @property
    def standing(self) -> Standing:
        """What is missed is missed, whatever else is unknown."""
        return "missed" if self.missed else "unknown" if self.unknown else "held"

    @property
    def reasons(self) -> str:
        """Why it is not held, in words; of very many reasons the first."""
        reasons = self.missed or self.unknown
        more = len(reasons) - _MOST
        return ", ".join(reasons[:_MOST]) + (f" and {more} more" if more > 0 else "")


class _Finding(NamedTuple):
    """One of the above."""

    words: str
    missed: bool = True
    more: int = 0


def judge_stage(row: Mapping[Any, Any], objectives: Objectives) -> Judgement:
    """Hold a stage against the objectives.

    Requests that an open loop was to start and never did have failed. Where they are more than one in a hundred
    no p99 is held, whatever that of the answers is. A percentile that too few answers carry is not held and not
    missed, unless a lower one, which they carry, is beyond the limit already; nor is a share in good time that a
    single late answer would have taken away.

    Of a fleet, each kind of model must hold what is asked of it, too; what is said of it begins with its name.

    Args:
        row: of the summary; a cell that is missing or empty is a figure that nobody knows.
        objectives: what is to be held.
    """
    answers, failed = int(row["Successful Requests"]), count_failed(row)
    if objectives.given and not answers + failed:
        return Judgement(missed=("no request was answered within the window",))
    return _conclude([*_judge(row, objectives, answers, failed), *_judge_kinds(row, objectives)])


def judge_kind(row: Mapping[Any, Any], asked: ModelObjectives) -> Judgement:
    """Hold one kind of a fleet, by its own row, against what is asked of it alone."""
    return _conclude(_judge_kind(row, asked))


def _conclude(findings: Sequence[_Finding]) -> Judgement:
    return Judgement(
        tuple(dict.fromkeys(finding.words for finding in findings if finding.missed)),
        tuple(finding.words for finding in findings if not finding.missed),
        max((finding.more for finding in findings), default=0),
    )


def _judge_kinds(row: Mapping[Any, Any], objectives: Objectives) -> Iterator[_Finding]:
    """Of each kind of which something is asked; ``more`` are requests for all kinds, as they come together."""
    rows = kind_rows(row)
    for name, asked in objectives.models.items():
        if name not in rows:
            if asked.given:
                yield _Finding(f"{name}: there are no figures of it", False)
            continue
        part = max(_requests(rows[name]), 1) / max(_requests(row), 1)
        for finding in _judge_kind(rows[name], asked):
            yield finding._replace(words=f"{name}: {finding.words}", more=math.ceil(finding.more / part - 1e-9))


def _judge_kind(row: Mapping[Any, Any], asked: ModelObjectives) -> list[_Finding]:
    """Of a kind that nobody asked for nothing is known, where of a whole stage it would be a failure."""
    if asked.given and not _requests(row):
        more = max((lacking(0, PERCENTILES[name]) for name in asked.percentiles), default=1)
        return [_Finding("no request for it was answered within the window", False, more)]
    return _judge(row, asked, int(row["Successful Requests"]), count_failed(row))


def _requests(row: Mapping[Any, Any]) -> int:
    return int(row["Successful Requests"]) + count_failed(row)


def _judge(row: Mapping[Any, Any], objectives: ModelObjectives, answers: int, failed: int) -> list[_Finding]:
    findings = [
        finding
        for name, limit in objectives.percentiles.items()
        for finding in _percentile(row, name, limit * 1e3, answers)
    ]
    if objectives.failures is not None and failed > objectives.failures * (answers + failed):
        findings.append(_Finding(f"{failed / (answers + failed):.2%} failed"))
    if objectives.goodput is not None:
        findings += _goodput(row, objectives.goodput.share, answers + failed)
    return findings


def _percentile(row: Mapping[Any, Any], name: str, limit_ms: float, answers: int) -> Iterator[_Finding]:
    share = PERCENTILES[name]
    if not answers:
        yield _Finding("no request succeeded")
        return
    never = count_failed(row) - int(row["Failed Requests"])
    if never > (1 - share) * (answers + never) + 1e-9:
        yield _Finding(f"{never / (answers + count_failed(row)):.2%} never started")
    figure = _known(row, METRICS[name].column)
    if not math.isnan(figure):
        if figure > limit_ms:
            yield _Finding(f"{name} {figure:.5g} ms")
        return
    below = {lower: _known(row, METRICS[lower].column) for lower, other in PERCENTILES.items() if other < share}
    beyond = {lower: known for lower, known in below.items() if known > limit_ms}
    if beyond:
        first = next(iter(beyond))
        yield _Finding(f"{first} {beyond[first]:.5g} ms already")
    elif more := lacking(answers, share):
        yield _Finding(f"{answers} answers are too few for a {name}, {more} more would do", False, more)
    else:
        yield _Finding(f"the {name} is not known", False)


def _goodput(row: Mapping[Any, Any], asked: float, requests: int) -> Iterator[_Finding]:
    share = _known(row, "goodput_share")
    if math.isnan(share):
        yield _Finding("how many were in good time is not known", False)
    elif share < asked:
        yield _Finding(f"{share:.2%} in good time")
    elif asked < 1 and (more := lacking(requests, asked)):
        yield _Finding(
            f"{requests} requests are too few for {asked:.2%} of them, {more} more would do", False, more
        )


def _known(row: Mapping[Any, Any], column: str) -> float:
    figure = row.get(column)
    return math.nan if figure is None else float(figure)
