"""Figures of the summary that are compared, and how two of them differ.

A change is a ratio with a 95 % confidence interval, which follows from the intervals of the two figures by the
method of variance estimates recovery on the logarithms (Zou and Donner, "Construction of confidence limits about
effect measures", Statistics in Medicine 27, 2008).
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mmebench.figures.statistics import NAN, Estimate

if TYPE_CHECKING:  # processes that offer load have no need of it
    import pandas as pd


class Metric(NamedTuple):
    """A figure of the summary that is compared."""

    label: str
    unit: str
    column: str
    low: str
    high: str
    lower_is_better: bool


METRICS = {
    "throughput": Metric(
        "throughput", "/s", "Requests/s", "throughput_low_per_s", "throughput_high_per_s", lower_is_better=False
    ),
    "mean": Metric(
        "mean", "ms", "Total Average Response Time", "mean_low_ms", "mean_high_ms", lower_is_better=True
    ),
    "p50": Metric("p50", "ms", "Total Median Response Time", "p50_low_ms", "p50_high_ms", lower_is_better=True),
    **{
        name: Metric(label, "ms", f"{column}_ms", f"{column}_low_ms", f"{column}_high_ms", lower_is_better=True)
        for name, label, column in (
            ("p90", "p90", "p90"),
            ("p95", "p95", "p95"),
            ("p99", "p99", "p99"),
            ("p99.9", "p99.9", "p99_9"),
        )
    },
}

BYTES = {
    name: Metric(name, "B", column, f"{column}_low", f"{column}_high", lower_is_better=True)
    for name, column in (("sent", "request_bytes"), ("received", "response_bytes"))
}
"""The mean size of bodies. What is asked for alike sends alike: only variants are weighed by it."""


def estimate_of(row: "Mapping[Any, Any] | pd.Series[Any]", metric: Metric) -> Estimate:
    """The figure of a row of the summary and its interval, as far as the row has them."""
    return Estimate(*(float(row.get(column, NAN)) for column in (metric.column, metric.low, metric.high)))


def relative_change(before: Estimate, after: Estimate) -> Estimate:
    """``after / before - 1`` with its interval; NaN bounds where either has none.

    That it fell to nothing is known without one.
    """
    if before.value > 0 and after.value == 0:
        return Estimate(-1.0, -1.0, -1.0)
    if not (before.value > 0 and after.value > 0):
        return Estimate()
    ratio = math.log(after.value / before.value)
    down = math.hypot(_log(after.value, after.low), _log(before.high, before.value))
    up = math.hypot(_log(after.high, after.value), _log(before.value, before.low))
    return Estimate(*(math.expm1(bound) for bound in (ratio, ratio - down, ratio + up)))


def _log(numerator: float, denominator: float) -> float:
    return math.log(numerator / denominator) if numerator > 0 and denominator > 0 else NAN
