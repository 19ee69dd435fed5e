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
        "payload (a file of one request's body) where it is not the workload's"
    )
