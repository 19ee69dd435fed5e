"""Arrivals of a recorded trace."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mmebench.spec.arrivals.arrivals import Arrivals


class Trace(Arrivals):
    """Open loop: requests start when a recorded trace says."""

    kind: Literal["trace"]
    path: Path = Field(
        description="CSV with a header, or JSON lines: timestamp (seconds), target (name or number), and "
        "payload (a file of one request's body) where it is not the workload's; or Parquet with such columns"
    )
    speed: float = Field(
        1.0, gt=0, le=1_000_000, allow_inf_nan=False, description="how many times as fast as it was it is repeated"
    )
