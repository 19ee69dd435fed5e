import numpy as np
import pandas as pd
import pytest

from mmebench.report.page.interactive import draw_cost, draw_knee
from mmebench.report.page.interactive_time import draw_endpoints, draw_metrics
from support.summaries import stages

PT = stages("pt", [(1, 20, 50, 240, 0), (4, 38, 105, 456, 0), (16, 40, 400, 480, 3)])


def test_without_prices_there_is_no_chart_of_cost() -> None:
    assert draw_cost(PT) is None
    assert draw_cost(PT.assign(usd_per_million_inferences=np.nan)) is None
    figure = draw_cost(PT.assign(usd_per_million_inferences=[3.0, 2.0, 1.0]))
    assert figure is not None
    assert list(figure.data[-1].x) == [2.0, 3.0], "the stage with failures is no choice"


def test_names_are_shown_and_not_obeyed() -> None:
    figure = draw_knee(PT.assign(platform="<b>pt</b>"))
    assert figure.data[0].name == "&lt;b&gt;pt&lt;/b&gt; on local-2cpu-2GiB, 9 targets: p50"


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
