"""What other mixes came to, in words, with table and picture."""

import pandas as pd

from mmebench.benchmark.experiments.mixes.figures import summarise_mixes
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.record.tables import write_table


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Table and picture, if it was done; returns what they show, a line each."""
    if not files.table.exists() or run.capacity is None:
        return []
    from mmebench.benchmark.experiments.mixes.picture import draw
    from mmebench.report.pictures.drawing import Picture, draw_changed

    table = summarise_mixes(files.table, run.capacity)
    if table.empty:
        return []
    write_table(table, files.table, "%.6g")
    draw_changed([Picture(files.chart, draw, (table, f"{run.title}: other mixes", footer))])
    return [_describe(run, mix) for _, mix in table.groupby("mix", sort=False)]


def _describe(run: Run, mix: pd.DataFrame) -> str:
    asked = " : ".join(f"{row['kind']} {row['share']:g}" for _, row in mix.iterrows())
    if mix["filled"].isna().any():
        return f"{run.called} as {asked}: nobody says what is in memory, so that what fits cannot be counted"
    filled = _listed(mix, "filled")
    if mix["predicted"].isna().any():
        return f"{run.called} as {asked}: {filled} fit together; what a copy takes is not known, to predict it"
    off = int(mix["error"].abs().max())
    told = "as predicted" if off == 0 else f"predicted were {_listed(mix, 'predicted')}, off by {off} at most"
    return f"{run.called} as {asked}: {filled} fit together, {told}"


def _listed(mix: pd.DataFrame, column: str) -> str:
    *others, last = [f"{row[column]:.0f} {row['kind']}" for _, row in mix.iterrows()]
    return f"{', '.join(others)} and {last}" if others else last
