"""What an endpoint's machine had to do during a load: as panels of one picture, each with one unit."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

_MIB = 2**20
_MINUTE = 60.0


class Line(NamedTuple):
    """Values over seconds since the load began."""

    name: str
    at: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    seconds: float
    """For how long a value holds; 0: it is of that moment."""


class Panel(NamedTuple):
    """Lines of one unit."""

    title: str
    unit: str
    lines: tuple[Line, ...]


class _Metric(NamedTuple):
    """Which rows of the metrics are shown."""

    source: str
    name: str
    statistic: str | None = None
    """None: a line for each, which server_metrics has for each GPU."""


_SERVER, _CLOUDWATCH = "server_metrics", "CloudWatch"
_GPU_SHARE = "gpu_used_share"
# CloudWatch's percent are of one core or GPU, so that four go up to 400; those of server_metrics are of all cores,
# and of each GPU. What does not have the same unit has a panel of its own.
_PANELS = {
    ("targets in memory,\nserver_metrics included", "targets"): (
        _Metric(_CLOUDWATCH, "LoadedModelCount", "Maximum"),
    ),
    ("GPU busy", "% of one GPU"): (
        _Metric(_SERVER, "gpu_utilization"),
        _Metric(_CLOUDWATCH, "GPUUtilization", "Average"),
    ),
    ("GPU memory in use", "% of one GPU"): (
        _Metric(_SERVER, _GPU_SHARE),
        _Metric(_CLOUDWATCH, "GPUMemoryUtilization", "Average"),
    ),
    ("power of the GPU", "W"): (_Metric(_SERVER, "gpu_power"),),
    ("CPU busy", "% of all cores"): (_Metric(_SERVER, "cpu_utilization"),),
    ("CPU busy,\nall cores together", "% of one core"): (_Metric(_CLOUDWATCH, "CPUUtilization", "Average"),),
    ("memory of the machine in use", "%"): (
        _Metric(_SERVER, "memory_utilization"),
        _Metric(_CLOUDWATCH, "MemoryUtilization", "Average"),
    ),
}


def find_panels(sightings: pd.DataFrame, metrics: pd.DataFrame, end: float) -> list[Panel]:
    """What was recorded between the beginning of a load and its end; a panel is left out where nothing was.

    Args:
        sightings: as :func:`mmebench.record.sightings.read_sightings` gives them.
        metrics: as :func:`mmebench.record.metrics.since_load_began` gives them.
        end: of the load, in seconds.
    """
    panels = []
    if not sightings.empty:
        at = sightings["at"].to_numpy(float)
        for title, unit, values in (
            ("targets in memory", "targets", sightings["targets"]),
            ("memory of all targets", "MiB", sightings["memory_used"] / _MIB),
        ):
            panels.append(Panel(title, unit, (Line("the endpoint", at, values.to_numpy(float), 0.0),)))
    if metrics.empty:
        return panels
    known = pd.concat([metrics, _gpu_shares(metrics)])
    for (title, unit), wanted in _PANELS.items():
        lines = tuple(line for metric in wanted for line in _lines(metric, known, end))
        if lines:
            panels.append(Panel(title, unit, lines))
    return panels


def _gpu_shares(metrics: pd.DataFrame) -> pd.DataFrame:
    """Memory in use of each GPU as percent of all that it has, in rows like those of ``server_metrics``."""
    used, total = (metrics[metrics["metric"] == f"gpu_{which}_memory"] for which in ("used", "total"))
    both = used.merge(total[["second", "statistic", "value"]], on=["second", "statistic"], suffixes=("", "_total"))
    shares = 100 * both["value"] / both["value_total"]
    return both.drop(columns="value_total").assign(metric=_GPU_SHARE, value=shares)


def _lines(wanted: _Metric, metrics: pd.DataFrame, end: float) -> Iterator[Line]:
    holds = _MINUTE if wanted.source == _CLOUDWATCH else 0.0
    rows = metrics[
        (metrics["source"] == wanted.source)
        & (metrics["metric"] == wanted.name)
        & (metrics["second"] + holds > 0)
        & (metrics["second"] < end)
    ]
    for statistic, values in rows.groupby("statistic"):
        if wanted.statistic in (None, statistic):
            which = f", {statistic}" if str(statistic).startswith("gpu") else ""
            name = f"{wanted.source}, by the minute" if holds else f"{wanted.source}{which}"
            yield Line(name, values["second"].to_numpy(float), values["value"].to_numpy(float), holds)
