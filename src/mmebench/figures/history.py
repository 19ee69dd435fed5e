"""The figures of stages of which only Locust's history is there."""

import pandas as pd

from mmebench.figures.stage import StageSummary
from mmebench.figures.statistics import NAN
from mmebench.record.history import Stretch, find_stretches


def summarise_history(history: pd.DataFrame) -> list[StageSummary]:
    """The stages in a ``_stats_history.csv``, one for each stretch with the same user count.

    Their mean latency is that of all requests, failed ones too, as Locust averages them together.
    """
    return [_summarise(stretch) for stretch in find_stretches(history)]


def _summarise(stretch: Stretch) -> StageSummary:
    successes = stretch.requests - stretch.failures
    mean = stretch.response_ms / stretch.requests if stretch.requests else NAN
    waiting = stretch.response_ms / 1e3 / stretch.seconds if stretch.seconds > 0 else NAN  # requests at a time
    return StageSummary(
        users=stretch.users,
        window_seconds=stretch.seconds,
        successes=successes,
        failures=stretch.failures,
        throughput=successes / stretch.seconds if stretch.seconds > 0 else NAN,
        mean=mean,
        littles_law=waiting / stretch.users,
    )
