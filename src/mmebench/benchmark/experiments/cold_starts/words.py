"""What cold starts came to, in words, with its picture."""

import math

from mmebench.benchmark.experiments.cold_starts.figures import read_cold_starts, summarise_cold_starts
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.units import human_seconds


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Table and picture, if it was done; returns what they show, a line each."""
    if not files.table.exists():
        return []
    from mmebench.benchmark.experiments.cold_starts.picture import draw
    from mmebench.report.pictures.pictures import save

    cold_starts = read_cold_starts(files.table)
    save(draw(cold_starts, f"{run.title}: cold starts", footer), files.chart)
    summary = summarise_cold_starts(cold_starts)
    return [
        f"{row['kind'] or run.called}: a cold start takes {_seconds(row['p50_s'])} at the median and "
        f"{_seconds(row['max_s'])} at most, {row['concurrency']:.0f} at once; "
        f"warm {_seconds(row['warm_p50_s'])}"
        for _, row in summary.iterrows()
    ]


def _seconds(seconds: float) -> str:
    return "unknown" if math.isnan(seconds) else human_seconds(seconds)
