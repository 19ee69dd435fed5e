import pandas as pd
import pytest

from mmebench.figures.knee import find_knee


def stages(*rows: tuple[float, float, int]) -> pd.DataFrame:
    """Of throughput, mean latency and failures, by load; numbered as rows of a summary of several runs are."""
    table = pd.DataFrame(rows, columns=["Requests/s", "Total Average Response Time", "Failed Requests"])
    return table.set_index(table.index + 7)


def test_the_knee_has_the_most_power() -> None:
    knee = find_knee(stages((20, 50, 0), (38, 53, 0), (60, 70, 0), (62, 130, 0), (62, 260, 0)))
    assert knee is not None
    assert knee["Requests/s"] == 60, "60/70 is more than 38/53 and 62/130"


def test_a_stage_with_failures_is_no_knee_but_shows_that_there_is_more_load() -> None:
    knee = find_knee(stages((20, 50, 0), (38, 53, 0), (90, 20, 12)))
    assert knee is not None
    assert knee["Requests/s"] == 38, "what was turned down cost no time"


@pytest.mark.parametrize(
    "rows",
    [
        ((20.0, 50.0, 0), (38.0, 53.0, 0)),
        ((20.0, 50.0, 0),),
        ((20.0, 50.0, 1), (38.0, 53.0, 1)),
        ((0.0, float("nan"), 0), (0.0, float("nan"), 9)),
    ],
    ids=["never past it", "one stage", "all failed some", "no success"],
)
def test_there_may_be_none(rows: tuple[tuple[float, float, int], ...]) -> None:
    assert find_knee(stages(*rows)) is None


def test_a_stage_that_did_not_start_all_that_was_due_is_no_knee() -> None:
    table = stages((20, 50, 0), (38, 53, 0), (90, 20, 0)).assign(not_started=[0, 0, 5])
    knee = find_knee(table)
    assert knee is not None
    assert knee["Requests/s"] == 38


def test_what_cannot_be_told_from_nine_tenths_is_the_knee() -> None:
    """Throughput that hardly grows: a stage that came out a little lower would make a far larger load the knee."""
    table = stages((20, 50, 0), (33, 60, 0), (34, 90, 0), (38, 150, 0), (38, 300, 0))
    for high, knee in ((33.5, 38), (34.5, 33)):
        found = find_knee(table.assign(throughput_high_per_s=[20.5, high, 34.1, 39, 39]))
        assert found is not None
        assert found["Requests/s"] == knee
    unknown = find_knee(table.assign(throughput_high_per_s=None))
    assert unknown is not None
    assert unknown["Requests/s"] == 38
