"""The table of report.html of the trials of a tuning."""

from mmebench.record.layout import TUNING_TABLE
from mmebench.record.tuning import Tried, TuningRecord
from mmebench.report.page.tables import Cell, Column, Row, Table, number, words
from mmebench.report.words.tuning import EXPLAINED, note_of, shown_figures
from mmebench.spec.variants import describe_changes


def make_tuning_table(record: TuningRecord) -> Table:
    """A row a trial, the best first."""
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
        f"{EXPLAINED} From and to are the 95 % interval of what is to be best. {TUNING_TABLE} beside this file "
        "has the same."
    )
    rows = [Row(None, _cells(trial), trial.rank == 1) for trial in record.in_order]
    return Table("Trials", about, "trials.csv", columns, rows)


def _cells(trial: Tried) -> list[Cell]:
    value, *figures = (number(figure, "ms") for figure in shown_figures(trial))
    return [
        number(trial.rank),
        words(trial.name),
        value,
        *(number(bound, "ms") for bound in (trial.value_low, trial.value_high)),
        *figures,
        words(note_of(trial)),
        words(describe_changes(trial.changes)),
    ]
