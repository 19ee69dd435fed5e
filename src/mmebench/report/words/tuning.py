"""What a tuning found, in words and as a table for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from mmebench.record.tuning import Tried, TuningRecord
from mmebench.report.words.table import narrow_table, on_lines
from mmebench.spec.variants import describe_changes
from mmebench.units import human_number

_MOST_ROWS = 20
"""Trials that a terminal shows; tuning.csv has all."""
_FEW = 4
"""Trials that a sentence names."""
_MATTERS = 0.05
"""Of the differences: a field that accounts for less is not named."""
EXPLAINED = (
    "Figures of the load with the most requests/s of those within the objectives; of the goal p99, of the largest "
    "load. Tied: not shown to be worse than the best. Front: none equals or beats it in copies, requests/s, p99 "
    "and cost at once."
)
"""Below a table of trials."""


def describe_tuning(record: TuningRecord) -> tuple[str, ...]:
    """What is best, by how much, what mattered, and how much of the space was seen; a sentence each."""
    return tuple(_sentences(record))


def _sentences(record: TuningRecord) -> Iterator[str]:
    best = record.best
    if best is None:
        if any(trial.counts for trial in record.trials):
            yield f"No trial says what its {record.goal} is: its requests are too few."
        else:
            yield "No trial holds a load within the objectives; see which they miss, or give a larger space."
    else:
        yield f"Best {record.goal}: {_value(best, record)} with {describe_changes(best.changes)}."
        if tied := [trial.name for trial in record.trials if trial.tied]:
            names = ", ".join(tied[:_FEW]) + (f" and {len(tied) - _FEW} more" if len(tied) > _FEW else "")
            yield f"Not shown to be worse: {names}."
        if record.repeats == 1:
            yield "Each was measured once; what differs from run to run is in no interval: repeats: 3 tells."
        as_it_is = next((trial for trial in record.trials if trial.name == record.baseline), None)
        if as_it_is is not None:
            yield _against(best, as_it_is, record)
    if least := sum(trial.capacity_is_least for trial in record.trials):
        yield f"In {least} trials targets.limit ended the filling: at least so many copies fit; raise it."
    if record.weights:
        shares = [f"{place} {weight:.0%}" for place, weight in record.weights.items() if weight >= _MATTERS]
        yield f"Of the differences between trials these account for: {', '.join(shares)}."
    yield f"{_seen(record)}."


def _against(best: Tried, as_it_is: Tried, record: TuningRecord) -> str:
    if as_it_is is best:
        return "That is the spec as it is."
    if as_it_is.state == "failed":
        return f"The spec as it is failed: {as_it_is.reason}."
    if as_it_is.state == "ended early":
        return f"The spec as it is was {as_it_is.reason}."
    if not as_it_is.held:
        return "The spec as it is holds no load within the objectives."
    if as_it_is.value is None:
        return f"What the {record.goal} of the spec as it is comes to is not known."
    change = (best.value or 0.0) / as_it_is.value - 1 if as_it_is.value else 0.0
    shown = ", which may be chance" if as_it_is.tied else ""
    return f"The spec as it is has {_value(as_it_is, record)}: that is {change:+.0%}{shown}."


def _seen(record: TuningRecord) -> str:
    count = {state: sum(trial.state == state for trial in record.trials) for state in ("ended early", "failed")}
    parts = [f"{number} {state}" for state, number in count.items() if number]
    whole = "" if record.combinations is None else f" of {record.combinations} combinations"
    about = f" ({', '.join(parts)})" if parts else ""
    return f"{len(record.trials)} trials{whole}{about}"


def _value(trial: Tried, record: TuningRecord) -> str:
    return f"{human_number(trial.value or 0.0)} {record.unit}"


def tuning_table(record: TuningRecord) -> Table:
    """The best trials first, then those that do not count; in 80 columns."""
    left_out = len(record.trials) - _MOST_ROWS
    table = narrow_table(f"{record.goal}, {record.unit}", _caption(left_out))
    table.add_column("trial", no_wrap=True)
    for name in ("value", "copies", "req/s", "p99", "load", "$/M"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for trial in record.in_order[:_MOST_ROWS]:
        value, *figures = shown_figures(trial)
        least = "≥ " if trial.capacity_is_least else ""
        cells = [_cell(value), least + _cell(figures[0]), *map(_cell, figures[1:])]
        table.add_row("\n".join(on_lines(trial.name)), *cells, note_of(trial))
    return table


def note_of(trial: Tried) -> str:
    """What is to be known of a trial beside its figures, in a word or two."""
    if not trial.counts:
        return "misses objectives" if trial.state == "measured" else trial.state
    return ", ".join(word for word, so in (("tied", trial.tied), ("front", trial.on_front)) if so)


def _cell(figure: float | None) -> str:
    return "" if figure is None else human_number(figure)


def shown_figures(trial: Tried) -> tuple[float | None, ...]:
    """Value, copies, requests/s, p99 in ms, load, and US dollars for a million requests."""
    return (
        trial.value, trial.capacity, trial.throughput_per_s, trial.p99_ms, trial.load, trial.usd_per_million,
    )  # fmt: skip


def _caption(left_out: int) -> str:
    more = f" {left_out} more trials are in tuning.csv." if left_out > 0 else ""
    return f"{EXPLAINED} p99 in ms; $/M: US dollars for a million requests.{more}"
