"""What an endpoint took over the cycles, and what of it was lost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mmebench.figures.statistics import Estimate, estimate_slope
from mmebench.record.tables import read_table, write_table

ENDPOINT = "endpoint"
"""The part that stands for what the endpoint itself says of the memory of its targets."""
QUANTITIES = {"bytes": 1024.0, "files": 0.01, "threads": 0.01, "processes": 0.01}
"""What may be lost, and how much of it in a cycle counts: a file in a hundred cycles does."""


@dataclass(frozen=True)
class Sight:
    """A part of the endpoint at one moment. None for what nobody says."""

    cycle: int
    """Loads and evictions so far."""
    at_s: float
    part: str
    bytes: int | None
    processes: int | None = None
    files: int | None = None
    threads: int | None = None
    load_p50_s: float | None = None
    """Seconds of the median cycle since the last sight, as its client saw it."""
    loads: int | None = None
    """That the endpoint has counted since it came up."""
    targets: int | None = None
    """In memory."""


def write_churn(seen: Sequence[Sight], path: Path) -> None:
    """As CSV, a column a field."""
    write_table(pd.DataFrame([asdict(sight) for sight in seen]), path, "%.6g")


def read_churn(path: Path) -> pd.DataFrame:
    """The columns are the fields of :class:`Sight`."""
    known = ["bytes", "processes", "files", "threads", "load_p50_s", "loads", "targets"]
    return read_table(path, ["cycle", "at_s"], ["part", "bytes"], known=known)


def settled(seen: pd.DataFrame) -> pd.DataFrame:
    """Without the first fifth of the cycles, in which caches and pools get their size."""
    counts: pd.DataFrame = seen[seen["cycle"] >= seen["cycle"].max() / 5]
    return counts


def summarise_churn(seen: pd.DataFrame) -> pd.DataFrame:
    """One row a part and quantity: how much of it is lost in a cycle, with its interval, and a verdict.

    The verdict is ``lost`` where the interval lies above what counts, ``kept`` where it lies below, and ``open``
    where it does not tell, or there is none. What is not known of a part has no row.
    """
    rows: list[dict[str, Any]] = []
    for part, sights in settled(seen).groupby("part", sort=False):
        for quantity, counts in QUANTITIES.items():
            known = sights.dropna(subset=[quantity])
            if known.empty:
                continue
            lost = estimate_slope(known["cycle"].to_numpy(float), known[quantity].to_numpy(float))
            rows.append(
                {
                    "part": part,
                    "quantity": quantity,
                    "first": known[quantity].iloc[0],
                    "last": known[quantity].iloc[-1],
                    "per_cycle": lost.value,
                    "low": lost.low,
                    "high": lost.high,
                    "verdict": _judge(lost, counts),
                }
            )
    return pd.DataFrame(rows, columns=["part", "quantity", "first", "last", "per_cycle", "low", "high", "verdict"])


def load_times(seen: pd.DataFrame) -> tuple[float, float]:
    """Seconds of the median cycle in the first and in the last quarter of what has settled; NaN: not known."""
    known = settled(seen).dropna(subset=["load_p50_s"])["load_p50_s"]
    quarter = max(len(known) // 4, 1)
    return float(known.head(quarter).median()), float(known.tail(quarter).median())


def _judge(lost: Estimate, counts: float) -> str:
    if lost.low > counts:
        return "lost"
    return "kept" if lost.high <= counts else "open"
