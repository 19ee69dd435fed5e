"""What others recorded of an endpoint during a load: CloudWatch, and the ``server_metrics`` target."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = ("at", "source", "metric", "statistic", "unit", "value")
"""``at`` is UTC; of a whole minute it is the start."""


def write_metrics(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """As CSV, in the order of their times; the keys of each row are :data:`COLUMNS`."""
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    table.sort_values("at", kind="stable").to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


def read_metrics(path: Path) -> pd.DataFrame:
    """The table that :func:`write_metrics` wrote; no rows where nobody recorded anything."""
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.read_csv(path, parse_dates=["at"])
