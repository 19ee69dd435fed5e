"""What was in memory during a load: one row about every second."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class ResidencySighting:
    """The endpoint's memory at one moment."""

    at: float
    """Seconds since the load began, by the clock of the samples."""
    targets: int
    """In memory."""
    memory_used: int
    loads: int
    """Since the endpoint came up; ``evictions`` too."""
    evictions: int
    least_recently_used: str | None
    """The target that would be evicted next."""


def write_residency(sightings: Sequence[ResidencySighting], path: Path) -> None:
    """As CSV, a column a field."""
    pd.DataFrame([asdict(sighting) for sighting in sightings]).to_csv(path, index=False)


def read_residency(path: Path) -> pd.DataFrame:
    """The columns are the fields of :class:`ResidencySighting`; no rows where nobody looked."""
    try:
        return pd.read_csv(path)
    except (FileNotFoundError, pd.errors.EmptyDataError):
        return pd.DataFrame(columns=list(ResidencySighting.__dataclass_fields__))
