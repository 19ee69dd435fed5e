"""What a restart came to, in words, with table and picture."""

import pandas as pd

from mmebench.benchmark.experiments.restart.figures import Restarted, read_restart
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.record.tables import write_table
from mmebench.units import counted, human_seconds


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Table and picture, if it was done; returns what they show, a line each."""
    restart = read_restart(files.loads)
    if restart is None:
        return []
    from mmebench.benchmark.experiments.restart.picture import draw
    from mmebench.report.pictures.drawing import Picture, draw_changed

    write_table(restart.stretches, files.table, "%.6g")
    title = f"{run.title}: everything is cold"
    draw_changed([Picture(files.chart, draw, (restart.stretches, restart.recovered, title, footer))])
    return [_describe(restart, run)]


def _describe(restart: Restarted, run: Run) -> str:
    stretches, recovered = restart
    before, after = stretches[stretches["to_s"] <= 1e-9], stretches[stretches["to_s"] > 1e-9]
    if after.empty:
        return (
            f"{run.called}: the load was over when nothing was in memory; give experiment restart a stage that "
            "is longer"
        )
    lasted = human_seconds(float(after["to_s"].max()))
    parts = []
    for name, seconds in (("hit ratio", recovered.hits), ("p99", recovered.latency)):
        back = f"after {human_seconds(seconds)}" if seconds is not None else f"not within {lasted}"
        if name == "hit ratio" and stretches["hit_ratio"].isna().all():
            back = "nobody says"
        parts.append(f"{name} {back}")
    failures = int(after["failures"].sum())
    failed = f"; {counted(failures, 'request')} failed meanwhile" if failures else ""
    worst, usual = after["p99_ms"].max(), before["p99_ms"].median()
    seen = {"usually": usual, "at worst": worst}
    known = [f"{human_seconds(p99 / 1e3)} {how}" for how, p99 in seen.items() if pd.notna(p99)]
    tail = f"p99 of a stretch is {', and '.join(known)}" if known else "nothing was answered"
    return f"{run.called}: with nothing in memory, as before again: {', '.join(parts)}; {tail}{failed}"
