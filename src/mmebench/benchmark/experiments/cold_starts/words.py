"""What cold starts came to, in words, with its picture."""

import math
from typing import Any

import pandas as pd

from mmebench.benchmark.experiments.cold_starts.figures import read_cold_starts, summarise_cold_starts
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.units import human_seconds

_MOST = 5
"""Models of a fleet that have a line, those with the longest cold starts."""


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Table and picture, if it was done; returns what they show, a line each."""
    if not files.table.exists():
        return []
    from mmebench.benchmark.experiments.cold_starts.picture import draw
    from mmebench.report.pictures.drawing import Picture, draw_changed

    cold_starts = read_cold_starts(files.table)
    if cold_starts.empty:
        return []
    draw_changed([Picture(files.chart, draw, (cold_starts, f"{run.title}: cold starts", footer))])
    summary = summarise_cold_starts(cold_starts)
    kinds = summary["kind"].fillna("")
    longest = summary.groupby(kinds)["max_s"].max().nlargest(_MOST).index
    lines = [_describe(row, run) for _, row in summary[kinds.isin(longest)].iterrows()]
    if more := kinds.nunique() - len(longest):
        lines.append(f"{run.called}: {more} more models have none as long; {files.table.name} has all")
    return lines


def _describe(row: "pd.Series[Any]", run: Run) -> str:
    median = "" if math.isnan(row["p50_s"]) else f"{human_seconds(row['p50_s'])} at the median and "
    warm = "" if math.isnan(row["warm_p50_s"]) else f"; warm {human_seconds(row['warm_p50_s'])}"
    return (
        f"{row['kind'] or run.called}: a cold start takes {median}{human_seconds(row['max_s'])} at most, "
        f"{row['concurrency']:.0f} at once{warm}"
    )
