"""What others recorded of an endpoint during a load: CloudWatch, and the ``server_metrics`` target."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mmebench.record.tables import read_table, write_table

COLUMNS = ("at", "source", "metric", "statistic", "unit", "value")
"""``at`` is UTC; of a whole minute it is the start."""


def write_metrics(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """As CSV, in the order of their times; the keys of each row are :data:`COLUMNS`."""
    table = pd.DataFrame(list(rows), columns=list(COLUMNS)).sort_values("at", kind="stable")
    if not table.empty:
        # To the millisecond, as power and energy are read by the second.
        table["at"] = [f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z" for at in table["at"]]
    write_table(table, path)


def read_metrics(path: Path) -> pd.DataFrame:
    """The table that :func:`write_metrics` wrote; no rows where nobody recorded anything."""
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    columns = ["source", "metric", "statistic", "unit", "value"]
    return read_table(path, columns=columns, times=["at"], known=["value"])


def since_load_began(metrics: pd.DataFrame, stats_history: Path, first_stage: float) -> pd.DataFrame:
    """The metrics with a column ``second``: when it was by the clock of the samples, to a second or so.

    Args:
        metrics: as :func:`read_metrics` gives them.
        stats_history: Locust's, which alone knows both the time of day and when users started.
        first_stage: when the first stage began, in seconds since the load did.

    Returns:
        No rows where the history does not say when users started.
    """
    if metrics.empty:
        return metrics.assign(second=pd.Series(dtype=float))
    history = read_table(stats_history, ["Timestamp", "User Count"])
    under_load = history.loc[history["User Count"] > 0, "Timestamp"]
    if under_load.empty:
        return metrics.head(0).assign(second=pd.Series(dtype=float))
    began = pd.Timestamp(float(under_load.min()) - first_stage, unit="s", tz="UTC")
    return metrics.assign(second=(metrics["at"] - began).dt.total_seconds())
