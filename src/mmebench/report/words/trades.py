"""What variants trade, in words: a table for the terminal, and of two variants a sentence."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from rich.table import Table

from mmebench.figures.stage_changes import FAILURES
from mmebench.figures.statistics import Estimate
from mmebench.figures.trades import BEST, COST, LEVEL, UNKNOWN, WORSE
from mmebench.report.operating_points import describe_load
from mmebench.report.runs import RunKey, key_of, short_names
from mmebench.report.words.kinds import listed
from mmebench.report.words.repeats import repeats_in_words
from mmebench.report.words.table import narrow_table, on_lines
from mmebench.units import human_bytes, human_number

MARKS = {BEST: " ✓", LEVEL: " ≈", WORSE: "", UNKNOWN: " ?"}
TITLES = {
    "throughput": "req/s",
    "p50": "p50",
    "p95": "p95",
    "p99": "p99",
    "sent": "sent",
    "received": "received",
    COST: "$/M",
    FAILURES: "failed",
}
_NO_DIFFERENCE, _TOO_FEW = "no difference shown in", "too few to say of"
_IN_WORDS = {"throughput": "requests/s", "sent": "bytes sent", "received": "bytes received", COST: "cost"}


def trade_table(trades: pd.DataFrame) -> Table | None:
    """One line a load and variant, in 80 columns; None where nothing is traded."""
    if trades.empty:
        return None
    figures = shown_figures(trades)
    table = narrow_table("what the variants trade", f"latency: ms. {explain_marks(trades)}")
    table.add_column("variant", overflow="fold")
    for figure in figures:
        table.add_column(TITLES[figure], justify="right", no_wrap=True)
    names = trade_names(trades)
    for _, at_load in trades.groupby("load"):
        table.add_section()
        table.add_row(f"at {describe_load(at_load.iloc[0])}")
        for key, rows in by_run(at_load):
            known = {row["figure"]: figure_in_words(row) for _, row in rows.iterrows()}
            table.add_row("\n".join(on_lines(names[key])), *(known.get(figure, "") for figure in figures))
    return table


def explain_marks(trades: pd.DataFrame) -> str:
    """What the marks beside figures mean, and what intervals they go by."""
    between = repeats_in_words(trades)
    by = "intervals between repeats" if between else "intervals within a run"
    best, level, unknown = (MARKS[standing].strip() for standing in (BEST, LEVEL, UNKNOWN))
    return (
        "Sent, received: the body of a request, of an answer. "
        f"{best}: better than every other by more than chance (95 % {by}); {level}: no difference from the best "
        f"is shown; {unknown}: too few to say.{between}"
    )


def shown_figures(trades: pd.DataFrame) -> list[str]:
    """Those that anybody knows, in their order; failures only where there are any."""
    known = trades[(trades["figure"] != FAILURES) | (trades["value"] > 0)]["figure"].unique().tolist()
    return [figure for figure in TITLES if figure in known]


def by_run(trades: pd.DataFrame) -> Iterator[tuple[RunKey, pd.DataFrame]]:
    """Each run with its rows."""
    for _, rows in trades.groupby(["instance_type", "platform", "targets"], sort=False):
        yield key_of(rows.iloc[0]), rows


def trade_names(trades: pd.DataFrame) -> dict[RunKey, str]:
    """What the runs are called, as short as tells them apart."""
    keys = [key for key, _ in by_run(trades)]
    return dict(zip(keys, short_names(keys), strict=True))


def figure_in_words(row: "pd.Series[Any]") -> str:
    """``588 KiB ✓``: the figure, and how it stands."""
    value, figure = float(row["value"]), row["figure"]
    if figure == "throughput":
        shown = f"{value:.1f}"
    elif figure == FAILURES:
        shown = f"{value:.2%}"
    elif figure == COST:
        shown = f"{value:,.2f}" if value >= 1 else human_number(value)
    elif row["unit"] == "B":
        shown = human_bytes(value)
    else:
        shown = f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"
    return f"{shown}{MARKS[row['standing']]}"


def trades_in_words(trades: pd.DataFrame) -> list[str]:
    """Of two variants, how the second differs from the first, in a sentence for each load that they share."""
    names = {} if trades.empty else trade_names(trades)
    if len(names) != 2:
        return []
    first, second = names
    sentences = []
    for _, at_load in trades.groupby("load"):
        rows = dict(by_run(at_load))
        both = [
            {key: row for key in (first, second) for _, row in rows[key].iterrows() if row["figure"] == figure}
            for figure in shown_figures(at_load)
        ]
        told = _tell([(row[first], row[second]) for row in both if len(row) == 2])
        sentences.append(f"{names[second]} against {names[first]} at {describe_load(at_load.iloc[0])}: {told}.")
    return sentences


def _tell(figures: Sequence[tuple["pd.Series[Any]", "pd.Series[Any]"]]) -> str:
    """What changed and by how much, then what did not."""
    told: list[str] = []
    level: list[str] = []
    unknown: list[str] = []
    for before, after in figures:
        name = _IN_WORDS.get(after["figure"], after["figure"])
        standings = {before["standing"], after["standing"]}
        if WORSE in standings:
            told.append(f"{name} {_change(before, after)}")
        else:
            (unknown if UNKNOWN in standings else level).append(name)
    parts = [", ".join(told)] if told else []
    parts += [f"{what} {listed(names)}" for what, names in ((_NO_DIFFERENCE, level), (_TOO_FEW, unknown)) if names]
    return "; ".join(parts)


def _change(before: "pd.Series[Any]", after: "pd.Series[Any]") -> str:
    """Of a figure that one of the two has better than the other."""
    is_difference = after["figure"] == FAILURES
    change = _against_best(after)
    if before["figure"] == "throughput" and before["value"] == 0:
        return "from nothing"
    if after["standing"] == BEST:
        back = _against_best(before)
        change = Estimate(*(_turned(share, is_difference) for share in (back.value, back.high, back.low)))
    unit = " points" if is_difference else " %"
    value, low, high = (_signed(share * 100) for share in change)
    return f"{value}{unit}" if low == high else f"{value}{unit} ({low} to {high})"


def _signed(percent: float) -> str:
    return f"{'+' if percent > 0 else ''}{human_number(percent)}"


def _against_best(row: "pd.Series[Any]") -> Estimate:
    return Estimate(float(row["change"]), float(row["change_low"]), float(row["change_high"]))


def _turned(change: float, is_difference: bool) -> float:
    """What it is seen from the other side."""
    return -change if is_difference else 1 / (1 + change) - 1
