import math

import pandas as pd
import pytest

from mmebench.figures.history import summarise_history


def history(
    rows: list[tuple[int, int, int, int, float]], names: tuple[str, ...] = ("InvokeEndpoint", "Aggregated")
) -> pd.DataFrame:
    """Locust's history from (time, users, requests, failures, average) since the start, alike for each name."""
    columns = [
        "Timestamp",
        "User Count",
        "Total Request Count",
        "Total Failure Count",
        "Total Average Response Time",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    return pd.concat([frame.assign(Name=name) for name in names]).sort_values("Timestamp", kind="stable")


# Ten requests a second of 25 ms, one in ten of which fails.
STEADY = [(second, 8, 10 * second, second, 25.0) for second in range(1, 21)]


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


@pytest.mark.parametrize("names", [("Aggregated",), ("InvokeEndpoint",), ("InvokeEndpoint", "Aggregated")])
def test_a_history_with_and_without_a_row_for_each_request(names: tuple[str, ...]) -> None:
    """Locust has rows of single requests only with ``--csv-full-history``."""
    (stage,) = summarise_history(history(STEADY, names))
    assert (stage.users, stage.successes, stage.failures) == (8, 171, 19)
    assert [stage.throughput, stage.mean] == pytest.approx([9, 25])


def test_all_requests_count_whatever_their_names() -> None:
    """Two kinds of requests, of which each second has 10 and 30."""
    first = history(STEADY, ("GET /",))
    second = first.assign(Name="POST /", **{"Total Request Count": 3 * first["Total Request Count"]})
    both = first.assign(Name="Aggregated", **{"Total Request Count": 4 * first["Total Request Count"]})
    rows = pd.concat([first, second, both]).sort_values("Timestamp", kind="stable")
    (stage,) = summarise_history(rows)
    assert stage.successes + stage.failures == 4 * 190


def test_littles_law_holds_with_failures() -> None:
    """Two users without a pause: 25 requests of 80 ms a second, one in four of which fails."""
    rows = [(second, 2, 25 * second, 25 * second // 4, 80.0) for second in range(1, 22)]
    (stage,) = summarise_history(history(rows))
    assert stage.littles_law == pytest.approx(1)
    assert stage.mean == pytest.approx(80), "of all requests"


def test_it_begins_anew_where_locust_was_told_to() -> None:
    """Ten requests a second while it warms up, twenty after ``reset_all()``, with as many users."""
    warm_up = [(second, 4, 10 * second, 0, 400.0) for second in range(1, 9)]
    measured = [(8 + second, 4, 20 * second, 0, 200.0) for second in range(1, 9)]
    more = [(16 + second, 8, 160 + 40 * second, 0, 200.0) for second in range(1, 9)]
    stages = summarise_history(history([*warm_up, *measured, *more]))
    assert [stage.users for stage in stages] == [4, 8]
    assert [stage.throughput for stage in stages] == pytest.approx([20, 40])
    assert [stage.littles_law for stage in stages] == pytest.approx([1, 1])
