"""What working sets came to, in words, with table and picture."""

import pandas as pd

from mmebench.benchmark.experiments.working_set.figures import find_thrash, summarise_working_set
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.record.tables import write_table


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Table and picture, if it was done; returns what they show, a line each."""
    if not files.loads.is_dir() or run.capacity is None:
        return []
    cells = summarise_working_set(files.loads, run.capacity.fits)
    if cells.empty:
        return []
    from mmebench.benchmark.experiments.working_set.picture import draw
    from mmebench.report.pictures.drawing import Picture, draw_changed

    write_table(cells, files.table, "%.6g")
    title = f"{run.title}: working set, {run.capacity.fits} targets fit"
    draw_changed([Picture(files.chart, draw, (cells, title, footer))])
    return [_describe_thrash(run, s, rows) for s, rows in cells.groupby("zipf")]


def _describe_thrash(run: Run, s: object, rows: pd.DataFrame) -> str:
    assert run.capacity is not None
    popularity = f"{run.called}: popularity zipf {s:g}" if s else f"{run.called}: uniform popularity"
    if rows["cold_inferred"].any():
        popularity += " (which requests were cold is inferred)"
    if rows["cold_time_share"].isna().all():
        return f"{popularity}: nobody says which requests were cold, so that thrash cannot be told"
    begin = find_thrash(rows)
    if begin is None:
        most = rows["ratio"].max()
        return f"{popularity}: no thrash up to {most:.3g} times the {run.capacity.fits} targets that fit"
    return (
        f"{popularity}: thrash begins at {begin:.2f} times the {run.capacity.fits} targets that fit "
        f"(about {begin * run.capacity.fits:.0f}); from there cold starts take most of the time"
    )
