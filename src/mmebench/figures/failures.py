"""Failures: how many requests went wrong, and in which way."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:  # processes that offer load have no need of it
    import pandas as pd

_TIMEOUTS = {"ReadTimeout", "ConnectTimeout"}
"""What the client names a wait that it gave up."""
_STATUSES = 1 << 16
"""More than there are."""


@dataclass(frozen=True)
class Failures:
    """Failed requests of a stage; each is counted once."""

    status_429: int = 0
    """The target is not ready yet, or too much is asked."""
    status_424: int = 0
    """The model failed."""
    status_4xx: int = 0
    """Any other of these."""
    status_5xx: int = 0
    timeouts: int = 0
    """The client gave up waiting, for a connection or for the whole answer."""
    connection_errors: int = 0
    """No connection, or one that broke off or spoke no HTTP before the answer was whole."""
    other_failures: int = 0
    """Answers that are neither an error nor the 200 that InvokeEndpoint gives."""


def count_failed(row: "Mapping[Any, Any] | pd.Series[Any]") -> int:
    """Requests of a stage that failed, by its row of the summary.

    Those that an open loop was to start and never did have failed as well.
    """
    not_started = row.get("not_started")
    if not_started is None or math.isnan(not_started):
        not_started = 0
    return int(row["Failed Requests"]) + int(not_started)


def without_failure(stages: "pd.DataFrame") -> "pd.Series[bool]":
    """Whether every request of a stage was served, for each row of a summary."""
    failed: pd.Series[bool] = stages["Failed Requests"] > 0
    if "not_started" in stages:
        failed |= stages["not_started"].astype(float) > 0
    return ~failed


def count_failures(failed: pa.Table) -> Failures:
    """Count samples, all of which have an ``error``, by ``status`` and ``error``."""
    errors = failed["error"].unify_dictionaries().combine_chunks()
    names, statuses = errors.dictionary.to_pylist(), failed["status"].to_numpy().astype(np.int64)
    ways, sizes = np.unique(errors.indices.to_numpy() * _STATUSES + statuses, return_counts=True)
    counts: Counter[str] = Counter()
    for way, size in zip(ways.tolist(), sizes.tolist(), strict=True):
        error, status = divmod(way, _STATUSES)
        counts[failure_kind(status, names[error])] += size
    return Failures(**counts)


def failure_kind(status: int, error: str) -> str:
    """The field of :class:`Failures`; an answer that broke off has a status too, and may even have said 200."""
    if error in _TIMEOUTS:
        return "timeouts"
    if status in (0, 200):
        return "connection_errors"
    if status == 429:
        return "status_429"
    if status == 424:
        return "status_424"
    if 400 <= status < 500:
        return "status_4xx"
    if 500 <= status < 600:
        return "status_5xx"
    return "other_failures"
