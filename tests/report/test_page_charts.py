"""The charts of report.html, as drawings."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmebench.figures.latency import SHARES
from mmebench.record.layout import RunFiles
from mmebench.report.figures import Figures
from mmebench.report.page.chart import Chart
from mmebench.report.page.load_charts import draw_load_charts
from mmebench.report.page.other_charts import draw_times
from mmebench.report.page.plot import NARROW, spread
from mmebench.report.page.shown import Shown, choose, show
from mmebench.report.page.time_charts import draw_time_charts
from mmebench.report.page.trade_offs import draw_trade_offs
from mmebench.report.recorded import Recorded
from mmebench.report.runs import RunKey, short_names, stages_by_run
from mmebench.spec import Objectives
from support.summaries import stages

PT = stages("pt", [(1, 20, 50, 240, 0), (4, 38, 105, 456, 0), (16, 40, 400, 480, 3)])
ONNX = stages("onnx", [(1, 30, 40, 300, 0), (4, 60, 80, 700, 0)])
BOTH = pd.concat([PT, ONNX], ignore_index=True)
NONE = Objectives()


def shown(summary: pd.DataFrame, objectives: Objectives = NONE, **more: Any) -> list[Shown]:
    """As if nothing but the summary had been recorded."""
    runs = [
        Recorded(
            RunFiles(Path("results"), key.instance_type, key.platform, key.targets),
            None,
            FIGURES._replace(**more),
            pd.DataFrame(),
            pd.DataFrame(),
        )
        for key, _ in stages_by_run(summary)
    ]
    return show(runs, summary, objectives)


FIGURES = Figures(pd.DataFrame(), pd.DataFrame(), None, pd.DataFrame(), pd.DataFrame(), None)


def load_charts(summary: pd.DataFrame, objectives: Objectives = NONE) -> dict[str, Chart]:
    return {chart.title: chart for chart in draw_load_charts(shown(summary, objectives), objectives)}


def texts(drawing: str, kind: str) -> list[str]:
    return re.findall(rf'<text class="{kind}"[^>]*>([^<]*)<', drawing)


def test_axes_are_named_for_what_the_run_did() -> None:
    users = load_charts(BOTH)
    assert list(users) == ["Throughput over users", "Latency over users", "Failures"]
    assert texts(users["Latency over users"].wide, "name") == ["users"]
    rates = load_charts(BOTH.assign(offered_per_s=BOTH["Requests/s"]))
    assert list(rates)[:2] == ["Throughput over requests/s offered", "Latency over requests/s offered"]
    both = load_charts(pd.concat([PT, ONNX.assign(offered_per_s=ONNX["Requests/s"])]))
    assert {"Throughput over users", "Throughput over requests/s offered"} <= set(both)
    assert not any("users" in title and "requests/s offered" in title for title in both)


def test_a_line_says_at_its_end_what_it_is() -> None:
    charts = load_charts(BOTH)
    assert texts(charts["Throughput over users"].wide, "label") == ["onnx", "pt"]
    assert texts(charts["Latency over users"].wide, "label") == ["pt p99", "pt p50", "onnx p99", "onnx p50"]
    alone = load_charts(PT)
    assert texts(alone["Latency over users"].wide, "label") == ["p99", "p95", "p50"]
    assert alone["Latency over users"].wide.count('class="band"') == 1


def test_a_single_stage_is_a_bar_with_its_figure() -> None:
    charts = load_charts(pd.concat([PT[:1], ONNX[:1]]))
    assert list(charts) == ["Throughput at 1 user", "Latency at 1 user"]
    throughput = charts["Throughput at 1 user"].wide
    assert throughput.count('<rect class="bar"') == 2
    assert "<circle" not in throughput
    assert texts(throughput, "figure") == ["20/s", "30/s"]
    assert texts(charts["Latency at 1 user"].wide, "figure")[-2:] == ["100 ms", "80 ms"], "p99"
    assert list(draw_trade_offs(shown(pd.concat([PT[:1], ONNX[:1]])), NONE)) == [], "two dots are no chart"


def test_a_load_that_only_failed_has_no_latency_to_draw() -> None:
    columns = ["Total Average Response Time", "Total Median Response Time", "p95_ms", "p99_ms"]
    failed = PT.assign(**dict.fromkeys(columns, np.nan)).assign(**{"Requests/s": 0.0, "Successful Requests": 0})
    assert list(load_charts(failed)) == ["Throughput over users", "Failures"]
    assert list(load_charts(failed[2:])) == ["Throughput at 16 users", "Failures"]
    assert list(draw_trade_offs(shown(failed), NONE)) == []


def test_a_single_stage_among_several_is_a_bar_at_its_load() -> None:
    drawing = load_charts(pd.concat([PT, ONNX[:1]]))["Throughput over users"].wide
    assert drawing.count('<rect class="bar" data-run="1"') == 1
    assert drawing.count('class="dot"') == 3


def test_between_loads_a_fitted_line_says_that_it_is_fitted() -> None:
    """Of loads none of which failed, however many others there are; else straight lines from one to the next."""
    loads: list[tuple[int, float, float, int, int]]
    loads = [(1, 20, 50, 240, 0), (2, 36, 55, 400, 0), (4, 60, 66, 700, 0), (8, 80, 100, 900, 0)]
    fitted = load_charts(stages("pt", loads))["Throughput over users"]
    assert "dotted: fitted to what was measured" in fitted.about
    assert fitted.wide.count('class="line dotted"') == 1
    for others in (loads[:3], [*loads, (16, 81, 200, 900, 3)], [*loads[:3], (8, 20, 400, 240, 0)]):
        straight = load_charts(stages("pt", others))["Throughput over users"]
        assert "fitted" not in straight.about
        assert "dotted" not in straight.wide


def test_the_objective_is_a_line_and_the_chosen_point_has_a_ring() -> None:
    objectives = Objectives(p99=0.3)
    drawing = load_charts(BOTH, objectives)["Latency over users"].wide
    assert texts(drawing, "objective") == ["objective: p99 300 ms"]
    assert texts(drawing, "chosen") == ["210 ms", "160 ms"]
    assert texts(load_charts(BOTH, objectives)["Throughput over users"].wide, "chosen") == ["38/s", "60/s"]
    assert texts(load_charts(BOTH)["Latency over users"].wide, "objective") == []
    far = load_charts(BOTH, Objectives(p99=100))["Latency over users"].wide
    assert texts(far, "objective") == [], "it would press all else flat"


@pytest.mark.parametrize(
    ("objectives", "users", "why"),
    [
        (Objectives(p99=0.1), 1, "within the objectives"),
        (Objectives(p99=0.3), 4, "within the objectives"),
        (NONE, 4, "at the largest load without a failure"),
    ],
)
def test_which_stage_is_chosen(objectives: Objectives, users: int, why: str) -> None:
    summary = stages("pt", [(1, 30, 40, 300, 0), (4, 70, 80, 700, 0)])
    _, own = next(stages_by_run(summary))
    chosen = choose(own, objectives)
    assert chosen is not None
    assert (chosen.stage["User Count"], chosen.why) == (users, why)
    assert choose(own, Objectives(p99=0.01)) is None


def test_without_objectives_the_knee_is_chosen() -> None:
    _, own = next(stages_by_run(stages("pt", [(1, 20, 50, 9, 0), (4, 70, 60, 9, 0), (16, 71, 400, 9, 0)])))
    chosen = choose(own, NONE)
    assert chosen is not None
    assert (chosen.stage["User Count"], chosen.why) == (4, "at the knee")


def test_a_run_has_one_name_and_one_colour_everywhere() -> None:
    runs = shown(BOTH)
    own = re.compile(r'<g data-run="(\d)" data-colour="(\d)"[^>]*>(?:<path[^>]*>)?<text class="label"[^>]*>(\w+)')
    charts = [*draw_load_charts(runs, NONE), *draw_trade_offs(runs, NONE)]
    drawings = [chart.wide for chart in charts if chart.title != "Failures"]  # which only pt had
    assert len(drawings) == 3
    for drawing in drawings:
        assert set(own.findall(drawing)) == {("0", "0", "pt"), ("1", "1", "onnx")}


def test_names_are_as_short_as_tells_them_apart() -> None:
    assert short_names([RunKey("a", "pt", 3), RunKey("a", "onnx", 3)]) == ["pt", "onnx"]
    assert short_names([RunKey("a", "pt", 3), RunKey("b", "pt", 9)]) == ["pt on a", "pt on b"]
    assert short_names([RunKey("a", "pt", 3), RunKey("a", "pt", 9)]) == ["pt, 3 targets", "pt, 9 targets"]
    several = short_names([RunKey("a", "pt", 3), RunKey("b", "pt", 3), RunKey("a", "pt", 9)])
    assert several == ["pt on a, 3 targets", "pt on b, 3 targets", "pt on a, 9 targets"]


def test_labels_stand_a_line_apart_and_within_the_drawing() -> None:
    heights = spread([10, 11, 12, 200], 14, 100)
    assert heights == sorted(heights)
    assert min(np.diff(heights)) >= 15
    assert heights[-1] <= 100


def test_names_too_long_for_the_end_of_a_line_stand_above_the_chart() -> None:
    names = [f"{platform}-with-a-long-name" for platform in ("onnx", "pt")]
    long = pd.concat([PT.assign(platform=names[1]), ONNX.assign(platform=names[0])])
    chart = load_charts(long)["Latency over users"]
    assert texts(chart.narrow, "label") == [*sorted(names, reverse=True), "p99", "p50", "p99", "p50"]
    assert "…" not in chart.narrow + chart.wide
    assert f"{names[0]} p99" in texts(chart.wide, "label")
    bars = load_charts(long[2:4])["Throughput at 16 users and 1 user"].narrow
    assert texts(bars, "label") == sorted(names, reverse=True), "above the bars"


def test_so_many_runs_that_labels_have_no_room_are_told_apart_by_colour_alone() -> None:
    many = pd.concat(
        [stages(f"p{number}", [(1, 20 + number, 50, 240, 0), (4, 38, 105, 456, 0)]) for number in range(50)]
    )
    drawing = load_charts(many)["Throughput over users"].narrow
    assert f'viewBox="0 0 {NARROW.width} {NARROW.height}"' in drawing
    assert texts(drawing, "label") == []
    assert drawing.count('class="line "') == 50


def test_without_prices_there_is_no_chart_of_cost() -> None:
    assert "Cost against latency" not in [chart.title for chart in draw_trade_offs(shown(PT), NONE)]
    priced = PT.assign(usd_per_million_inferences=[3.0, 2.0, 1.0])
    (chart,) = (chart for chart in draw_trade_offs(shown(priced), NONE) if chart.title == "Cost against latency")
    (front,) = re.findall(r'class="line front" d="([^"]*)"', chart.wide)
    assert front.count("L") == 1, "two points: the stage with failures is no choice"
    assert "$2 a million" in chart.wide


def test_where_the_time_went_is_one_bar_a_stage() -> None:
    assert list(draw_times(shown(PT))) == []
    known = PT.assign(client_ms=1.0, queue_ms=[0.25, 2.0, np.nan], compute_ms=40.0)
    (chart,) = draw_times(shown(known))
    assert chart.wide.count('<g data-run="0"') == 3
    assert "1 user: queue 0.25 ms" in chart.wide, "less than a millisecond has decimals"


def test_the_distribution_has_a_line_a_run() -> None:
    assert list(draw_time_charts(shown(PT), NONE)) == []
    (chart,) = draw_time_charts(shown(PT, distribution=np.full(len(SHARES), 5.0)), NONE)
    assert chart.title == "How latency is distributed"
    assert texts(chart.wide, "tick")[-5:] == ["0", "p50", "p90", "p99", "p99.9"]
