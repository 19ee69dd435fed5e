"""The operating point of a run: the load at which an engineer would have it work."""

from typing import Any

import pandas as pd

from mmebench.figures.failures import without_failure
from mmebench.figures.knee import find_knee
from mmebench.figures.objectives import judge_stage
from mmebench.spec import Objectives


def loads(stages: pd.DataFrame) -> "pd.Series[float]":
    """The load of each stage as it was asked for: users of a closed loop, requests per second of an open one."""
    return stages["offered_per_s"].fillna(stages["User Count"])


def find_operating_point(stages: pd.DataFrame, objectives: Objectives) -> "pd.Series[Any] | None":
    """The stage with the most requests a second of those that hold the objectives.

    Without objectives, the knee as :func:`find_knee` has it; where the load never got past that, the stage with
    the most requests a second of those without a failure.

    Args:
        stages: the summary rows of one run.
        objectives: of the benchmark.

    Returns:
        None where no stage holds them, or none is known to.
    """
    if objectives.given:
        held = [judge_stage(row, objectives).standing == "held" for row in stages.to_dict("records")]
        return _most(stages[held])
    knee = find_knee(stages.assign(load=loads(stages)).sort_values("load", kind="stable"))
    return _most(stages[without_failure(stages)]) if knee is None else knee


def _most(stages: pd.DataFrame) -> "pd.Series[Any] | None":
    answered = stages[stages["Requests/s"] > 0]
    return None if answered.empty else answered.nlargest(1, "Requests/s").iloc[0]
