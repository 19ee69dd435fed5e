"""What churn came to, in words, with its picture."""

import math
from typing import Any

import pandas as pd

from mmebench.benchmark.experiments.churn.figures import ENDPOINT, load_times, read_churn, summarise_churn
from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.units import human_bytes, human_number, human_seconds


def write(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """Its picture, if it was done; returns what it shows, a line each."""
    if not files.table.exists():
        return []
    from mmebench.benchmark.experiments.churn.picture import draw
    from mmebench.report.pictures.drawing import Picture, draw_changed

    seen = read_churn(files.table)
    if seen.empty or seen["cycle"].max() == 0:
        return []
    summary = summarise_churn(seen)
    draw_changed([Picture(files.chart, draw, (seen, summary, f"{run.title}: churn", footer))])
    return [f"{run.called}: churn: {line}" for line in describe(seen, summary)]


def describe(seen: pd.DataFrame, summary: pd.DataFrame) -> list[str]:
    """The verdict: what is lost first, then what cannot be told, then what is not."""
    first, last = load_times(seen)
    pace = f"; one takes {human_seconds(first)} early on, {human_seconds(last)} late" if last > 0 else ""
    cycles, took = int(seen["cycle"].max()), human_seconds(float(seen["at_s"].max()))
    lines = [f"{cycles:,} loads and evictions in {took}{pace}"]
    for verdict in ("lost", "open"):
        lines += [_describe(row) for _, row in summary[summary["verdict"] == verdict].iterrows()]
    kept = summary[summary["verdict"] == "kept"].groupby("part", sort=False)
    if kept.ngroups:
        lines.append("not lost: " + "; ".join(_list(part, rows) for part, rows in kept))
    if set(seen["part"]) == {ENDPOINT}:
        lines.append("this endpoint does not say what its processes take; times and its own figures remain")
    return lines


def _describe(row: "pd.Series[Any]") -> str:
    """What a part loses, or may."""
    part, quantity = row["part"], row["quantity"]
    change = f"from {_amount(quantity, row['first'])} to {_amount(quantity, row['last'])}"
    if math.isnan(row["low"]):
        return f"{part}: {quantity} went {change}; too few cycles to tell a loss from noise"
    between = f"{_amount(quantity, row['low'])} to {_amount(quantity, row['high'])}"
    if row["verdict"] == "lost":
        return f"{part} LOSES {quantity}: {_amount(quantity, row['per_cycle'])} a cycle ({between}), {change}"
    return f"{part}: {quantity} went {change}, {between} a cycle; only more cycles tell whether that is a loss"


def _list(part: object, rows: pd.DataFrame) -> str:
    """``router bytes (-12 B to 40 B a cycle), files, threads``."""
    named = [
        f"bytes ({_amount('bytes', row['low'])} to {_amount('bytes', row['high'])} a cycle)"
        if row["quantity"] == "bytes"
        else str(row["quantity"])
        for _, row in rows.iterrows()
    ]
    return f"{part} {', '.join(named)}"


def _amount(quantity: str, amount: float) -> str:
    if quantity != "bytes":
        return human_number(amount)
    return f"-{human_bytes(-amount)}" if amount < 0 else human_bytes(amount)
