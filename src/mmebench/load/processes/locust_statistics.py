"""From samples to Locust's own statistics, a second's worth at a time: its CSV files and web UI stay right."""

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from locust.stats import RequestStats, StatsEntry, StatsError, bucket_response_time

from mmebench.record.run import FailedAlike

METHOD, NAME = "POST", "InvokeEndpoint"


def fold(rows: npt.NDArray[np.void], complaints: Sequence[FailedAlike], stats: RequestStats) -> None:
    """Add ``rows`` (:data:`~mmebench.load.client.recorder.ROW`) to ``stats`` as if Locust had logged each.

    ``complaints`` are those of the failures among them: a line of Locust's table of failures each.
    """
    if not len(rows):
        return
    milliseconds = (rows["end_ns"] - rows["intended_ns"]) / 1e6
    failures = np.count_nonzero(rows["error"])
    now = time.time()
    batch = StatsEntry(stats, NAME, METHOD)
    batch.last_request_timestamp = now
    batch.num_requests = len(rows)
    batch.num_failures = failures
    batch.total_response_time = round(float(milliseconds.sum()))
    batch.min_response_time = round(float(milliseconds.min()))
    batch.max_response_time = round(float(milliseconds.max()))
    batch.total_content_length = int(rows["response_bytes"].sum())
    batch.num_reqs_per_sec[int(now)] = len(rows)
    if failures:
        batch.num_fail_per_sec[int(now)] = failures
    for value, count in zip(*np.unique(np.rint(milliseconds), return_counts=True), strict=True):
        batch.response_times[bucket_response_time(float(value))] += int(count)
    stats.total.extend(batch)
    stats.get(NAME, METHOD).extend(batch)
    for complaint in complaints:
        name = f"{complaint.error}: {complaint.message}" if complaint.message else complaint.error
        error = stats.errors.setdefault(StatsError.create_key(METHOD, NAME, name), StatsError(METHOD, NAME, name))
        error.occurred()
        error.occurrences += complaint.count - 1
