"""The operating point of a run: the load at which an engineer would have it work."""

from typing import Any

import pandas as pd

from mmebench.figures.failures import without_failure
from mmebench.figures.knee import find_knee
from mmebench.figures.objectives import judge_stage
from mmebench.figures.rows import rows_of
from mmebench.spec import Objectives


def loads(stages: pd.DataFrame) -> "pd.Series[float]":
    """The load of each stage as it was asked for: users of a closed loop, requests per second of an open one."""
    return stages["offered_per_s"].fillna(stages["User Count"])


def find_largest_held(stages: pd.DataFrame, objectives: Objectives) -> "pd.Series[Any] | None":
    """The stage with the most requests a second of those that hold the objectives; None where none is known to.

    Args:
        stages: the summary rows of one run.
        objectives: without any, a stage is held in which no request failed.
    """
    return _most(_held(stages, objectives))


def find_operating_point(stages: pd.DataFrame, objectives: Objectives) -> "pd.Series[Any] | None":
    """The largest load within the objectives, where these say how long an answer may take.

    Where they do not, the knee of the stages that hold them, as :func:`find_knee` has it: beyond it more load buys
    waiting; where the load never got past that, the stage with the most requests a second.
    """
    held = _held(stages, objectives)
    if not objectives.limit_latency:
        knee = find_knee(held.assign(load=loads(held)).sort_values("load", kind="stable"))
        if knee is not None:
            return knee
    return _most(held)


def _held(stages: pd.DataFrame, objectives: Objectives) -> pd.DataFrame:
    if not objectives.given:
        return stages[without_failure(stages)]
    return stages[[judge_stage(row, objectives).standing == "held" for row in rows_of(stages)]]


def _most(stages: pd.DataFrame) -> "pd.Series[Any] | None":
    answered = stages[stages["Requests/s"] > 0]
    return None if answered.empty else answered.iloc[answered["Requests/s"].argmax()]
