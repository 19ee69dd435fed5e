import math

import pandas as pd
import pytest

from mmebench.figures.failures import count_failed, without_failure


@pytest.mark.parametrize(
    ("not_started", "failed"),
    [({}, 3), ({"not_started": None}, 3), ({"not_started": math.nan}, 3), ({"not_started": 4.0}, 7)],
)
def test_what_never_started_has_failed_too(not_started: dict[str, float | None], failed: int) -> None:
    row = {"Failed Requests": 3} | not_started
    assert count_failed(row) == count_failed(pd.Series(row)) == failed


def test_stages_without_a_failure() -> None:
    stages = pd.DataFrame({"Failed Requests": [0, 0, 1, 0], "not_started": [None, 0, 0, 2]}, index=[7, 7, 8, 9])
    served = without_failure(stages)
    assert served.tolist() == [True, True, False, False]
    assert len(stages[served]) == 2
    assert without_failure(stages.drop(columns="not_started")).tolist() == [True, True, False, True]
    assert without_failure(stages.head(0)).dtype == bool
