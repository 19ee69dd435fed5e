"""What interference came to, in words, with table and picture."""

import math

from mmebench.benchmark.experiments.interference.figures import (
    PHASES,
    find_saturation,
    read_course,
    summarise_interference,
)
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.record.tables import write_table
from mmebench.units import human_number


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Table and picture, if it was done; returns what they show, a line each."""
    course = read_course(files.loads)
    if course is None:
        return []
    from mmebench.benchmark.experiments.interference.picture import draw
    from mmebench.report.pictures.pictures import save

    table = summarise_interference(course)
    write_table(table, files.table, "%.6g")
    title = f"{run.title}: what neighbours' cold starts cost"
    save(draw(course, table, title, footer), files.chart)
    failures = sum(course.failures) + course.failed_neighbours
    failed = f"; {failures} requests failed" if failures else ""
    if (why := find_saturation(course)) is not None:
        return [
            f"{run.platform}: what cold starts of neighbours cost cannot be told: alone, the target did not keep "
            f"up with {human_number(course.rate)} requests/s ({why}); ask for a smaller rate{failed}"
        ]
    p50, p99 = ([_ms(value) for value in table[column]] for column in ("p50_ms", "p99_ms"))
    return [
        f"{run.platform}: p50 {p50[0]} and p99 {p99[0]} {PHASES[0]}; "
        f"{p50[-1]} and {p99[-1]} while a neighbour is being loaded{failed}"
    ]


def _ms(milliseconds: float) -> str:
    return "unknown" if math.isnan(milliseconds) else f"{human_number(milliseconds)} ms"
