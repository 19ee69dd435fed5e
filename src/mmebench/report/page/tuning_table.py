"""The table of report.html of the trials of a tuning."""

from mmebench.record.layout import TUNING_TABLE
from mmebench.record.tuning import Tried, TuningRecord
from mmebench.report.page.tables import Cell, Column, Row, Table, number, words
from mmebench.report.words.tuning import note_of
from mmebench.spec.variants import describe_changes


def make_tuning_table(record: TuningRecord) -> Table:
    """A row a trial, the best first."""
    order = sorted(record.trials, key=lambda trial: (trial.rank is None, trial.rank or 0))
    columns = [
        Column("rank"),
        Column("trial", True),
        Column(f"{record.goal}, {record.unit}"),
        Column("from"),
        Column("to"),
        Column("copies"),
        Column("requests/s"),
        Column("p99, ms"),
        Column("load"),
        Column("$ a million"),
        Column("", True),
        Column("changes", True),
    ]
    about = (
        "Figures of the largest load within the objectives; from and to are the 95 % interval of what is to be "
        "best. Tied: not shown to be worse than the best. Front: none equals or beats it in copies, requests/s, "
        f"p99 and cost at once. {TUNING_TABLE} beside this file has the same."
    )
    rows = [Row(None, _cells(trial), trial.rank == 1) for trial in order]
    return Table("Trials", about, "trials.csv", columns, rows)


def _cells(trial: Tried) -> list[Cell]:
    figures = (
        trial.value,
        trial.value_low,
        trial.value_high,
        trial.capacity,
        trial.throughput_per_s,
        trial.p99_ms,
        trial.load,
        trial.usd_per_million,
    )
    return [
        number(trial.rank),
        words(trial.name),
        *(number(figure, "ms") for figure in figures),
        words(note_of(trial)),
        words(describe_changes(trial.changes)),
    ]
