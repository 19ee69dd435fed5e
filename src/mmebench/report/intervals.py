"""Confidence intervals in words."""

import math

from mmebench.figures.statistics import Estimate
from mmebench.units import human_number


def interval_in_words(estimate: Estimate) -> str:
    """``32.2 to 43.1``; nothing where so few samples have none."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return ""
    return f"{human_number(estimate.low)} to {human_number(estimate.high)}"


def with_interval(estimate: Estimate, unit: str = "") -> str:
    """``37.6 ms (32.2 to 43.1)``, or the figure alone; ``unit`` is `` ms`` there."""
    interval = interval_in_words(estimate)
    return f"{human_number(estimate.value)}{unit}" + (f" ({interval})" if interval else "")
