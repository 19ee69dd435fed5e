"""At which load a figure was measured: a comparison names the point of each of its figures."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mmebench.figures.failures import without_failure
from mmebench.figures.operating_point import loads
from mmebench.units import human_number


def describe_load(stage: "Mapping[Any, Any] | pd.Series[float]") -> str:
    """``1 user``, ``16 users`` or, in an open loop, ``50/s``."""
    if pd.notna(stage["offered_per_s"]):
        return f"{human_number(stage['offered_per_s'])}/s"
    return f"{stage['User Count']:.0f} user" + ("" if stage["User Count"] == 1 else "s")


def operating_points(summary: pd.DataFrame) -> pd.DataFrame:
    """One row a run: its best figures, each with the load at which it was measured.

    Latency and throughput are taken from stages without a failure. The load without a failure is that of the
    last stage before the first failure: a larger stage that happened to go well does not count.
    """
    rows = []
    for (instance_type, platform, targets), stages in summary.groupby(
        ["instance_type", "platform", "targets"], sort=False
    ):
        ordered = stages.assign(load=loads(stages)).sort_values("load")
        served = without_failure(ordered)
        clean, before_failure = ordered[served], ordered[served.cummin()]
        fastest = clean.nsmallest(1, "Total Average Response Time")
        most = clean.nlargest(1, "Requests/s")
        largest = before_failure.tail(1)
        rows.append(
            {
                "instance_type": instance_type,
                "platform": platform,
                "targets": targets,
                "models": ordered["max_models_loaded"].iloc[0],
                "latency": fastest["Total Average Response Time"].max(),
                "latency_at": _described(fastest),
                "throughput": most["Requests/s"].max(),
                "throughput_at": _described(most),
                "load": largest["load"].max(),
                "load_at": _described(largest),
            }
        )
    return pd.DataFrame(rows)


def _described(stages: pd.DataFrame) -> str | None:
    return None if stages.empty else describe_load(stages.iloc[0])
