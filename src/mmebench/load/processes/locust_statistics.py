"""From samples to Locust's own statistics, a second's worth at a time: its CSV files and web UI stay right."""

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from locust.stats import RequestStats, StatsEntry, StatsError, bucket_response_time

METHOD, NAME = "POST", "InvokeEndpoint"


def fold(rows: npt.NDArray[np.void], error_name: Callable[[int], str], stats: RequestStats) -> None:
    """Add ``rows`` (:data:`~mmebench.load.client.recorder.ROW`) to ``stats`` as if Locust had logged each."""
    if not len(rows):
        return
    milliseconds = (rows["end_ns"] - rows["intended_ns"]) / 1e6
    failures = rows["error"][rows["error"] > 0]
    now = time.time()
    batch = StatsEntry(stats, NAME, METHOD)
    batch.last_request_timestamp = now
    batch.num_requests = len(rows)
    batch.num_failures = len(failures)
    batch.total_response_time = round(float(milliseconds.sum()))
    batch.min_response_time = round(float(milliseconds.min()))
    batch.max_response_time = round(float(milliseconds.max()))
    batch.total_content_length = int(rows["response_bytes"].sum())
    batch.num_reqs_per_sec[int(now)] = len(rows)
    if len(failures):
        batch.num_fail_per_sec[int(now)] = len(failures)
    for value, count in zip(*np.unique(np.rint(milliseconds), return_counts=True), strict=True):
        batch.response_times[bucket_response_time(float(value))] += int(count)
    stats.total.extend(batch)
    stats.get(NAME, METHOD).extend(batch)
    for code, count in zip(*np.unique(failures, return_counts=True), strict=True):
        name = error_name(int(code))
        error = stats.errors.setdefault(StatsError.create_key(METHOD, NAME, name), StatsError(METHOD, NAME, name))
        error.occurred()
        error.occurrences += int(count) - 1
