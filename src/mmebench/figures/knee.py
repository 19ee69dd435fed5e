"""The knee of a load: from where on more load buys waiting instead of answers."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmebench.figures.failures import without_failure

if TYPE_CHECKING:  # processes that offer load have no need of it
    import pandas as pd

NEARLY_ALL = 0.9
"""Of the most requests a second. What comes beyond it is bought with a latency that grows as the load does."""


def find_knee(stages: "pd.DataFrame") -> "pd.Series[Any] | None":
    """The smallest load that gets nine tenths of the most requests a second, as far as its interval can tell.

    Only stages without a failure are looked at: an endpoint that turns requests down answers the others fast.
    (Power, throughput over latency, is the textbook's measure; where stages are far apart it has its most below
    the load that keeps the endpoint busy, and names a half of what can be had.)

    Args:
        stages: the summary rows of one run, by load.

    Returns:
        None where no stage is free of failures, and where that stage is the last: then the load never got past
        the knee, which may be anywhere beyond.
    """
    clean = without_failure(stages)
    rates = stages["Requests/s"].where(clean, 0.0)
    highs = rates
    if "throughput_high_per_s" in stages:
        highs = stages["throughput_high_per_s"].astype(float).where(clean)
    first = first_near_most(rates.tolist(), highs.tolist())
    return stages.iloc[first] if first is not None and first < len(stages) - 1 else None


def first_near_most(rates: Sequence[float], highs: Sequence[float]) -> int | None:
    """Which of several loads is the first with nine tenths of the most, as far as its interval can tell.

    Where throughput hardly grows, noise would make another load the knee.

    Args:
        rates: requests a second, by load; 0 or NaN of those that do not count.
        highs: the upper ends of their intervals; NaN where nobody knows.

    Returns:
        None where none has any.
    """
    rates = [0.0 if math.isnan(rate) else rate for rate in rates]
    wanted = NEARLY_ALL * max(rates, default=0.0)
    if wanted <= 0:
        return None
    near = (rate >= wanted or high >= wanted for rate, high in zip(rates, highs, strict=True))
    return next(number for number, each in enumerate(near) if each)
