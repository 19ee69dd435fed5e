"""What interference came to, in words, with table and picture."""

import math

import pandas as pd

from mmebench.benchmark.experiments.interference.figures import (
    PHASES,
    Pair,
    find_saturation,
    find_tail,
    read_pairs,
    summarise_interference,
)
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.record.tables import write_table
from mmebench.units import counted, human_number


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Table and picture, if it was done; returns what they show, a line each."""
    pairs = read_pairs(files.loads)
    if not pairs:
        return []
    from mmebench.benchmark.experiments.interference.picture import draw
    from mmebench.report.pictures.drawing import Picture, draw_changed

    tables = [summarise_interference(pair.course) for pair in pairs]
    named = [
        table.assign(target=pair.steady, neighbours=pair.neighbours) if pair.steady else table
        for pair, table in zip(pairs, tables, strict=True)
    ]
    write_table(pd.concat(named, ignore_index=True), files.table, "%.6g")
    title = f"{run.title}: what neighbours' cold starts cost"
    draw_changed([Picture(files.chart, draw, (list(zip(pairs, tables, strict=True)), title, footer))])
    return [_describe(run, pair, table) for pair, table in zip(pairs, tables, strict=True)]


def _describe(run: Run, pair: Pair, table: pd.DataFrame) -> str:
    course, who = pair.course, pair.steady or run.called
    of = f" of {pair.neighbours}" if pair.neighbours else ""
    failures = sum(course.failures) + course.failed_neighbours
    failed = f"; {counted(failures, 'request')} failed" if failures else ""
    if (why := find_saturation(course)) is not None:
        return (
            f"{who}: what cold starts of neighbours{of} cost cannot be told: alone, the target did not keep "
            f"up with {human_number(course.rate)} requests/s ({why}); ask for a smaller rate{failed}"
        )
    names = [name for name in ("p50", find_tail(table)) if name is not None]
    alone, during = ([_ms(row[f"{name}_ms"]) for name in names] for row in (table.iloc[0], table.iloc[-1]))
    known = " and ".join(f"{name} {latency}" for name, latency in zip(names, alone, strict=True))
    return f"{who}: {known} {PHASES[0]}; {' and '.join(during)} while a neighbour{of} is being loaded{failed}"


def _ms(milliseconds: float) -> str:
    return "unknown" if math.isnan(milliseconds) else f"{human_number(milliseconds)} ms"
