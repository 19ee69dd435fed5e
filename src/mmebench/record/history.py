"""Stages recovered from Locust's own history, for results that have no samples.

Locust writes counts and averages since the start of the test: an average over all stages so far, whatever the
stage. Differences between the first and the last row of a stage give the stage's own; what cannot be recovered
that way, percentiles above all, is left empty.
"""

import pandas as pd

from mmebench.figures.stage import StageSummary
from mmebench.figures.statistics import NAN


def summarise_history(history: pd.DataFrame) -> list[StageSummary]:
    """The stages in a ``_stats_history.csv``, one for each stretch with the same user count.

    The first seconds, while users start, belong to no stretch of their own and are dropped where a stretch is
    shorter than three rows.
    """
    rows = _of_all_requests(history)
    stretches = rows.groupby((rows["User Count"] != rows["User Count"].shift()).cumsum())
    return [
        _summarise_stretch(stretch.iloc[0], stretch.iloc[-1])
        for _, stretch in stretches
        if len(stretch) >= 3 and stretch["User Count"].iloc[0] > 0
    ]


def _of_all_requests(history: pd.DataFrame) -> pd.DataFrame:
    """Locust's rows of all requests together; without ``--csv-full-history`` it writes no others.

    A history that was reduced to the rows of its only request has none of them.
    """
    together = history[history["Name"] == "Aggregated"]
    return history if together.empty else together


def _summarise_stretch(first: "pd.Series[float]", last: "pd.Series[float]") -> StageSummary:
    seconds = float(last["Timestamp"] - first["Timestamp"])
    requests = int(last["Total Request Count"] - first["Total Request Count"])
    failures = int(last["Total Failure Count"] - first["Total Failure Count"])
    response_time = _total_response_time(last) - _total_response_time(first)
    throughput = (requests - failures) / seconds if seconds > 0 else NAN
    mean = response_time / requests if requests else NAN
    users = int(last["User Count"])
    return StageSummary(
        users=users,
        window_seconds=seconds,
        successes=requests - failures,
        failures=failures,
        throughput=throughput,
        mean=mean,
        littles_law=throughput * mean / 1e3 / users,
    )


def _total_response_time(row: "pd.Series[float]") -> float:
    """Milliseconds of all requests so far; Locust's average counts failed requests too."""
    return float(row["Total Average Response Time"]) * float(row["Total Request Count"])
