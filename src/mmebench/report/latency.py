"""What the latencies of a summary are of, in words, and which of them it has."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

MEAN = "Total Average Response Time"
PERCENTILES = {"Total Median Response Time": "p50", "p95_ms": "p95", "p99_ms": "p99"}
"""Columns and their names."""


def latency_of(summary: pd.DataFrame) -> str:
    """``latency of successes``; where samples are missing, what Locust averages: ``latency of all requests``."""
    if (summary["basis"] == "samples").all():
        return "latency of successes"
    return "latency of all requests"


def known_latencies(stages: pd.DataFrame) -> dict[str, str]:
    """Columns and names of what is known of the latency of a run: percentiles, or else the mean, if anything."""
    return latencies_of({column: stages[column].max() for column in (*PERCENTILES, MEAN)})


def latencies_of(stage: "Mapping[Any, Any] | pd.Series[Any]") -> dict[str, str]:
    """The same of one stage."""
    percentiles = {column: name for column, name in PERCENTILES.items() if pd.notna(stage[column])}
    return percentiles or ({MEAN: "mean"} if pd.notna(stage[MEAN]) else {})
