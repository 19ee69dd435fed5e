import math

import pandas as pd
import pytest

from mmebench.results.history import summarise_history


def history(rows: list[tuple[int, int, int, int, float]]) -> pd.DataFrame:
    """Locust's history from (time, users, requests, failures, average), all since the start."""
    columns = [
        "Timestamp",
        "User Count",
        "Total Request Count",
        "Total Failure Count",
        "Total Average Response Time",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    return pd.concat([frame.assign(Name="InvokeEndpoint"), frame.assign(Name="Aggregated")])


def test_stages_from_since_start_averages() -> None:
    # 100 requests of 10 ms at 20 users, then 100 of 30 ms at 40 users: the average since the start says 20 ms.
    stages = summarise_history(
        history(
            [
                (0, 20, 0, 0, 0.0), (1, 20, 50, 0, 10.0), (2, 20, 100, 0, 10.0),
                (3, 40, 100, 0, 10.0), (4, 40, 150, 5, 50 / 3), (5, 40, 200, 10, 20.0),
            ]
        )
    )  # fmt: skip
    assert [stage.users for stage in stages] == [20, 40]
    assert [stage.mean for stage in stages] == [pytest.approx(10), pytest.approx(30)]
    assert [(stage.successes, stage.failures) for stage in stages] == [(100, 0), (90, 10)]
    assert stages[1].throughput == pytest.approx(45)
    assert math.isnan(stages[1].p99)
