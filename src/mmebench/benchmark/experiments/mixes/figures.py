"""What came of other mixes: how many of each kind fitted together, beside what was predicted."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from mmebench.figures.mix_capacity import predict_mix
from mmebench.figures.rows import rows_of
from mmebench.record.run import Capacity
from mmebench.record.tables import read_table, write_table

MEASURED = ["mix", "kind", "share", "filled"]


@dataclass(frozen=True)
class Filled:
    """One kind in one mix."""

    mix: int
    kind: str
    share: float
    """As it was asked for."""
    filled: int | None
    """How many were in memory together with those of the other kinds; None where nobody says."""


def write_filled(filled: Sequence[Filled], path: Path) -> None:
    """As CSV, a column a field."""
    write_table(pd.DataFrame([asdict(each) for each in filled], columns=MEASURED), path)


def summarise_mixes(path: Path, capacity: Capacity) -> pd.DataFrame:
    """The table with what the filling of the run lets expect: ``predicted``, its bounds, and ``error``.

    ``error`` is what was predicted less what was filled; all of them are empty where memory is not known.
    """
    table = read_table(path, ["mix", "share"], ["kind", "filled"], known=["filled"])[MEASURED]
    rows = []
    for _, mix in table.groupby("mix", sort=False):
        predicted = predict_mix(capacity, dict(zip(mix["kind"], mix["share"], strict=True)))
        for row in rows_of(mix):
            known = None if predicted is None else predicted[str(row["kind"])]
            rows.append(
                row
                | {
                    "predicted": known and known.fits,
                    "predicted_low": known and known.low,
                    "predicted_high": known and known.high,
                    "error": known and known.fits - row["filled"],
                }
            )
    return pd.DataFrame(rows)
