"""Whether a benchmark met its objectives, in words."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mmebench.figures.metric import METRICS, estimate_of
from mmebench.figures.objectives import judge_stage, kind_rows
from mmebench.figures.operating_point import find_largest_held
from mmebench.figures.rows import rows_of
from mmebench.report.operating_points import describe_load
from mmebench.report.runs import runs_in_words
from mmebench.report.words.kinds import listed
from mmebench.spec import Objectives
from mmebench.spec.workload import ModelObjectives
from mmebench.units import human_number


@dataclass(frozen=True)
class Verdict:
    """One line a run; ``met`` unless a run was judged and no stage of it holds all objectives."""

    met: bool
    lines: tuple[str, ...]


def judge(summary: pd.DataFrame, objectives: Objectives) -> Verdict:
    """For each run, the largest load that holds the objectives as :func:`judge_stage` has it.

    A run that cannot be judged is neither met nor missed, and its line says what it takes.
    """
    wanted = describe_objectives(objectives)
    if not wanted:
        return Verdict(True, ())
    met, lines = True, []
    for run, stages in runs_in_words(summary):
        who = f"{run}: {', '.join(wanted)}"
        best = find_largest_held(stages, objectives)
        if best is not None:
            at = f"{human_number(best['Requests/s'])} requests/s ({describe_load(best)})"
            lines.append(f"{who}: held up to {at}{_uncertain(best, objectives)}")
        else:
            met = met and not is_missed(stages, objectives)
            lines.append(f"{who}: {why_none(stages, objectives)}")
    return Verdict(met, tuple(lines))


def describe_objectives(objectives: Objectives) -> list[str]:
    """``p99 at most 200 ms`` and others, one each; those of single models begin with their names."""
    alike: dict[str, list[str]] = {}
    for name, asked in objectives.models.items():
        for wanted in _describe(asked):
            alike.setdefault(wanted, []).append(name)
    return [*_describe(objectives), *(f"{listed(names)}: {wanted}" for wanted, names in alike.items())]


def _describe(objectives: ModelObjectives) -> list[str]:
    wanted = [f"{name} at most {limit * 1000:g} ms" for name, limit in objectives.percentiles.items()]
    if objectives.failures is not None:
        wanted.append(f"failures at most {objectives.failures:.2%}" if objectives.failures else "no failures")
    if objectives.goodput is not None:
        wanted.append(f"{objectives.goodput.share:.2%} within {objectives.goodput.within * 1000:g} ms")
    return wanted


def is_missed(stages: pd.DataFrame, objectives: Objectives) -> bool:
    """Whether at least one stage of a run could be judged, and none holds the objectives."""
    standings = {judge_stage(row, objectives).standing for row in rows_of(stages)}
    return "missed" in standings and "held" not in standings


def why_none(stages: pd.DataFrame, objectives: Objectives) -> str:
    """Why no stage of a run is known to hold the objectives: ``missed in every stage`` and the like."""
    judged = [(row, judge_stage(row, objectives)) for row in rows_of(stages)]
    count = Counter(judgement.standing for _, judgement in judged)
    if not count["unknown"]:
        row, judgement = judged[0]
        return f"missed in every stage ({describe_load(pd.Series(row))}: {judgement.reasons})"
    row, nearest = min(
        ((row, judgement) for row, judgement in judged if judgement.standing == "unknown"),
        key=lambda each: each[1].more,
    )
    why = f"({describe_load(pd.Series(row))}: {nearest.reasons})"
    if not count["missed"]:
        return f"cannot be judged in any stage {why}"
    return f"missed in {count['missed']} of {len(judged)} stages, and the others cannot be judged {why}"


def _uncertain(best: "pd.Series[Any]", objectives: Objectives) -> str:
    """Where chance may be what holds a percentile."""
    held: list[tuple[str, ModelObjectives, pd.Series[Any]]] = [("", objectives, best)]
    held += [(f" of {name}", objectives.of(name), pd.Series(row)) for name, row in kind_rows(best).items()]
    beyond = [
        f"the interval of the {name}{of} reaches {human_number(high)} ms"
        for of, asked, row in held
        for name, limit in asked.percentiles.items()
        if (high := estimate_of(row, METRICS[name]).high) > limit * 1e3
    ]
    return f"; {', '.join(beyond)}" if beyond else ""
