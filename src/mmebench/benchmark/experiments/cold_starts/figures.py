"""Cold starts: first invocations of targets that were not in memory, one row each."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import pandas as pd

from mmebench.figures.statistics import find_percentiles
from mmebench.record.tables import read_table, write_table

PARTS = {
    "waiting_s": "waiting for its turn and for room",
    "downloading_s": "getting the archive",
    "unpacking_s": "unpacking it",
    "loading_s": "loading it into the container",
    "answering_s": "first inference",
}
"""What the seconds of a cold start are made of, in this order."""


@dataclass(frozen=True)
class ColdStart:
    """One of them, in seconds; None where the endpoint does not say."""

    target: str
    concurrency: int
    """So many were on their way at once."""
    seconds: float
    """From the request to its answer."""
    waiting_s: float | None
    downloading_s: float | None
    unpacking_s: float | None
    loading_s: float | None
    answering_s: float | None
    """What is left of it: the first inference, and the way there and back."""
    warm_seconds: float | None
    """The same request again, the median of a few; None for those that may have been evicted by then."""
    kind: str | None = None
    """Of a fleet: which of its kinds."""
    asked_s: float | None = None
    """When it was asked for, after the first one of its kind and concurrency.

    None in tables of old, where so many were asked for together, and the next ones when all were answered.
    """


def write_cold_starts(cold_starts: list[ColdStart], path: Path) -> None:
    """As CSV, a column a field."""
    write_table(pd.DataFrame([asdict(cold_start) for cold_start in cold_starts]), path, "%.6g")


def read_cold_starts(path: Path) -> pd.DataFrame:
    """The columns are the fields of :class:`ColdStart`; tables of old have no ``kind`` and no ``asked_s``."""
    parts = [*PARTS, "warm_seconds"]
    table = read_table(path, ["concurrency", "seconds"], ["target"], known=[*parts, "asked_s"])
    return table.assign(**{name: math.nan for name in parts if name not in table})


Group = tuple[tuple[str | None, int], pd.DataFrame]
"""Kind and concurrency, and the cold starts of both."""


def group_cold_starts(cold_starts: pd.DataFrame) -> list[Group]:
    """By kind, in the order in which they were measured, and concurrency; of one model the kind is None."""
    # Tables that were written before there were fleets have no such column.
    kinds = cold_starts["kind"] if "kind" in cold_starts else pd.Series(None, cold_starts.index, object)
    groups = cold_starts.groupby([kinds, cold_starts["concurrency"]], sort=False, dropna=False)
    found: list[Group] = []
    for key, rows in groups:
        kind, concurrency = cast("tuple[str | None, int]", key)
        found.append(((None if pd.isna(kind) else kind, int(concurrency)), rows))
    return found


def summarise_cold_starts(cold_starts: pd.DataFrame) -> pd.DataFrame:
    """One row a kind and concurrency: percentiles of the seconds, means of the parts, and the warm median.

    Percentiles are those of :func:`find_percentiles`: observed values, and NaN where there are too few.
    """
    rows = []
    for (kind, concurrency), group in group_cold_starts(cold_starts):
        p50, p90, p99 = find_percentiles(group["seconds"].to_numpy(float, copy=True), (0.5, 0.9, 0.99))
        (warm_p50,) = find_percentiles(group["warm_seconds"].dropna().to_numpy(float, copy=True), (0.5,))
        rows.append(
            {
                "kind": kind,
                "concurrency": concurrency,
                "cold_starts": len(group),
                "p50_s": p50,
                "p90_s": p90,
                "p99_s": p99,
                "max_s": group["seconds"].max(),
                **{part: group[part].mean() for part in PARTS},
                "warm_p50_s": warm_p50,
            }
        )
    return pd.DataFrame(rows)
