import numpy as np
import pandas as pd

from mmebench.figures.latency import SHARES
from mmebench.report.page.interactive import draw_cost, draw_distribution, draw_knee
from mmebench.report.page.interactive_time import draw_endpoints, draw_metrics
from mmebench.report.runs import stages_by_run
from support.summaries import stages

PT = stages("pt", [(1, 20, 50, 240, 0), (4, 38, 105, 456, 0), (16, 40, 400, 480, 3)])
NUMBERS = {key.name: number for number, (key, _) in enumerate(stages_by_run(PT))}


def test_without_prices_there_is_no_chart_of_cost() -> None:
    assert draw_cost(PT, NUMBERS) is None
    assert draw_cost(PT.assign(usd_per_million_inferences=np.nan), NUMBERS) is None
    figure = draw_cost(PT.assign(usd_per_million_inferences=[3.0, 2.0, 1.0]), NUMBERS)
    assert figure is not None
    assert list(figure.data[-1].x) == [2.0, 3.0], "the stage with failures is no choice"


def test_names_are_shown_and_not_obeyed() -> None:
    summary = PT.assign(platform="<b>pt</b>")
    figure = draw_knee(summary, {key.name: 0 for key, _ in stages_by_run(summary)})
    assert figure.data[0].name == "&lt;b&gt;pt&lt;/b&gt; on local-2cpu-2GiB, 9 targets: p50"


def test_nothing_recorded_is_no_chart() -> None:
    assert draw_endpoints({}, {}) is None
    assert draw_metrics({}) is None


def test_a_run_looks_the_same_where_others_have_no_data() -> None:
    second = stages("onnx", [(1, 30, 40, 300, 0), (4, 60, 80, 700, 0)])
    both = pd.concat([PT, second])
    numbers = {key.name: number for number, (key, _) in enumerate(stages_by_run(both))}
    *_, own = numbers
    lines = {line.meta: line.line.color for line in draw_knee(both, numbers).data}
    alone = draw_distribution({own: np.full(len(SHARES), 5.0)}, numbers)
    assert alone is not None
    assert alone.data[0].line.color == lines[own] != draw_knee(PT, numbers).data[0].line.color


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
