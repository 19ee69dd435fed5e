"""Traffic as a trace has it."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mmebench.spec.traffic.traffic import Traffic


class TraceTraffic(Traffic):
    """A recorded trace; what is planned for is its busiest minute."""

    kind: Literal["trace"]
    path: Path = Field(description="with timestamp and target, as mmebench trace import makes it")
    speed: float = Field(1.0, gt=0, le=1_000_000, description="how many times as fast as it was")
