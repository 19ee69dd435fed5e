"""Objectives as lines in a chart of latencies."""

import math
from collections.abc import Iterable

from mmebench.spec import Objectives

_FAR = 10.0
"""An objective that is so many times what was measured would press all else flat."""


def near_limits(objectives: Objectives, latencies: Iterable[float]) -> dict[str, float]:
    """The limits of percentiles that are not far off these latencies, by name; all in ms, NaN is not known."""
    highest = max((latency for latency in latencies if not math.isnan(latency)), default=0.0)
    limits = {name: limit * 1e3 for name, limit in objectives.percentiles.items()}
    return {name: limit for name, limit in limits.items() if limit < _FAR * highest}
