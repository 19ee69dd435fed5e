from pathlib import Path

import pandas as pd
import pytest

from mmebench.record.metrics import read_metrics, since_load_began, write_metrics


@pytest.fixture
def metrics(tmp_path: Path) -> pd.DataFrame:
    row = {
        "source": "CloudWatch",
        "metric": "GPUUtilization",
        "statistic": "Average",
        "unit": "percent",
        "value": 1,
    }
    times = pd.to_datetime(["2026-11-22T10:00:00Z", "2026-11-22T10:01:00Z"])
    write_metrics([row | {"at": at} for at in times], tmp_path / "metrics.csv")
    return read_metrics(tmp_path / "metrics.csv")


def test_they_are_put_on_the_clock_of_the_samples(metrics: pd.DataFrame, tmp_path: Path) -> None:
    ten = int(pd.Timestamp("2026-11-22T10:00:00Z").timestamp())
    history = tmp_path / "history.csv"
    # Locust came up at ten, waited for its workers, and started users 20 seconds later.
    history.write_text(f"Timestamp,User Count,Type\n{ten},0,\n{ten + 20},1,POST\n{ten + 21},1,POST\n")
    assert since_load_began(metrics, history, 0.0)["second"].tolist() == [-20, 40]
    assert since_load_began(metrics, history, 2.5)["second"].tolist() == [-17.5, 42.5]


@pytest.mark.parametrize("text", ["", "Timestamp,User Count\n", "Timestamp,User Count\n1795390736,0\n"])
def test_nothing_is_put_there_by_guessing(metrics: pd.DataFrame, tmp_path: Path, text: str) -> None:
    (tmp_path / "history.csv").write_text(text)
    found = since_load_began(metrics, tmp_path / "history.csv", 0.0)
    assert found.empty
    assert "second" in found
