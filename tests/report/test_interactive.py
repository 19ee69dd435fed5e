import numpy as np
import pandas as pd
import pytest

from mmebench.report.interactive import draw_cost, find_front, run_name
from mmebench.report.interactive_time import draw_endpoints, draw_metrics, latency_by_second
from support.summaries import stages

PT = stages("pt", [(1, 20, 50, 240, 0), (4, 38, 105, 456, 0), (16, 40, 400, 480, 3)])


def test_latency_by_second_is_of_the_answers_that_came_in_it() -> None:
    end = np.array([100, 200, 900, 1500, 3100, 3200], np.int64) * 1_000_000
    latency = np.array([5, 1, 9, 7, 20, 10], np.int64) * 1_000_000
    rows = latency_by_second(end[::-1], latency[::-1], [0.0, 3.0])
    assert rows["second"].tolist() == [0, 1, 3]
    assert rows["p50_ms"].tolist() == [5, 7, 10]
    assert rows["p99_ms"].tolist() == [9, 7, 20]
    assert rows["stage"].tolist() == ["stage 1", "stage 1", "stage 2"]
    assert latency_by_second(end[:0], latency[:0], [0.0]).empty


def test_the_front_is_what_no_stage_beats_in_cost_and_latency() -> None:
    summary = pd.DataFrame(
        {
            "usd_per_million_inferences": [5.0, 1.0, 3.0, 2.0, 0.5, np.nan],
            "p99_ms": [10.0, 90.0, 40.0, 50.0, 1.0, 1.0],
            "Failed Requests": [0, 0, 0, 0, 7, 0],
        }
    )
    assert find_front(summary)["usd_per_million_inferences"].tolist() == [1, 2, 3, 5]
    worse = pd.concat([summary, summary.iloc[[2]].assign(p99_ms=60.0)])
    assert find_front(worse)["p99_ms"].tolist() == [90, 50, 40, 10]


def test_without_prices_there_is_no_chart_of_cost() -> None:
    assert draw_cost(PT) is None
    assert draw_cost(PT.assign(usd_per_million_inferences=np.nan)) is None
    figure = draw_cost(PT.assign(usd_per_million_inferences=[3.0, 2.0, 1.0]))
    assert figure is not None
    assert list(figure.data[-1].x) == [2.0, 3.0], "the stage with failures is no choice"


def test_names_are_shown_and_not_obeyed() -> None:
    hostile = PT.assign(platform="<b>pt</b>")
    assert run_name(hostile.iloc[0]) == "&lt;b&gt;pt&lt;/b&gt; on local-2cpu-2GiB, 9 targets"


@pytest.mark.parametrize("draw", [draw_endpoints, draw_metrics])
def test_nothing_recorded_is_no_chart(draw: object) -> None:
    assert callable(draw)
    assert draw({}) is None


def test_metrics_are_told_apart_by_source_and_statistic() -> None:
    rows = pd.DataFrame(
        {
            "at": pd.to_datetime(["2026-01-01", "2026-01-02"] * 2),
            "source": "cloudwatch",
            "metric": ["GPUUtilization"] * 2 + ["LoadedModelCount"] * 2,
            "statistic": "Average",
            "unit": "Percent",
            "value": [1.0, 2.0, 3.0, 4.0],
        }
    )
    figure = draw_metrics({"pt": rows})
    assert figure is not None
    assert [(trace.name.split(" ")[1], trace.visible) for trace in figure.data] == [
        ("GPUUtilization", True),
        ("LoadedModelCount", "legendonly"),
    ]
