"""Stretches of a load recovered from Locust's own history, for results that have no samples.

Locust writes counts and averages since the start of the test: an average over all stages so far, whatever the
stage. Differences between the first and the last row of a stretch give the stretch's own; what cannot be recovered
that way, percentiles above all, is not there.
"""

from dataclasses import dataclass

import pandas as pd

_FEWEST_ROWS = 3


@dataclass(frozen=True)
class Stretch:
    """What Locust counted while the number of users was the same."""

    users: int
    seconds: float
    requests: int
    """Failed ones too."""
    failures: int
    response_ms: float
    """Milliseconds of all requests together; Locust does not tell successes from failures."""


def find_stretches(history: pd.DataFrame) -> list[Stretch]:
    """The stretches in a ``_stats_history.csv``, in order.

    The first seconds, while users start, belong to no stretch of their own and are dropped where a stretch is
    shorter than three rows. Where the count falls, somebody had Locust begin anew (``--reset-stats``, or
    ``reset_all()`` after a warm-up): what was before with the same users does not count.
    """
    rows = _of_all_requests(history)
    of_users = (rows["User Count"] != rows["User Count"].shift()).cumsum()
    anew = (rows["Total Request Count"] < rows["Total Request Count"].shift()).cumsum()
    stretches = []
    for _, stretch in rows.groupby(of_users):
        counted = stretch[anew[stretch.index] == anew[stretch.index[-1]]]
        if len(counted) >= _FEWEST_ROWS and counted["User Count"].iloc[0] > 0:
            stretches.append(_between(counted.iloc[0], counted.iloc[-1]))
    return stretches


def _of_all_requests(history: pd.DataFrame) -> pd.DataFrame:
    """Locust's rows of all requests together; without ``--csv-full-history`` it writes no others.

    A history that was reduced to the rows of its only request has none of them.
    """
    together = history[history["Name"] == "Aggregated"]
    return history if together.empty else together


def _between(first: "pd.Series[float]", last: "pd.Series[float]") -> Stretch:
    return Stretch(
        users=int(last["User Count"]),
        seconds=float(last["Timestamp"] - first["Timestamp"]),
        requests=int(last["Total Request Count"] - first["Total Request Count"]),
        failures=int(last["Total Failure Count"] - first["Total Failure Count"]),
        response_ms=_response_ms(last) - _response_ms(first),
    )


def _response_ms(row: "pd.Series[float]") -> float:
    """Of all requests so far."""
    return float(row["Total Average Response Time"]) * float(row["Total Request Count"])
