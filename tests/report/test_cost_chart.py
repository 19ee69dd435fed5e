from pathlib import Path

import pandas as pd

from mmebench.report.pictures.cost_chart import draw_cost
from mmebench.report.pictures.pictures import save
from mmebench.report.runs import stages_by_run, tell_apart
from support.figures import course, texts
from support.summaries import stages

ONNX = stages("onnx", [(1, 20, 50, 240, 0), (4, 60, 60, 456, 0), (16, 62, 250, 480, 2)])
PT = stages("pt", [(1, 10, 90, 240, 0), (4, 20, 170, 456, 0)]).assign(instance_type="ml.g5.xlarge")
BOTH = pd.concat([ONNX, PT], ignore_index=True)
LOOKS = tell_apart([key for key, _ in stages_by_run(BOTH)])
PRICED = BOTH.assign(usd_per_million_inferences=[9.0, 3.0, 2.9, 12.0, 2.0])


def test_the_front_is_marked_and_each_of_its_stages_named(tmp_path: Path) -> None:
    figure = draw_cost(PRICED, LOOKS, "resnet18", "a footer")
    assert figure is not None
    axes = figure.axes[0]
    front, onnx, pt, failed = axes.lines
    # 340 ms for 2 dollars, 120 for 3, 100 for 9; 16 users had failures, and pt at 12 dollars is beaten.
    assert [part.tolist() for part in course(front)] == [[2, 3, 9], [340, 120, 100]]
    assert course(onnx)[0].tolist() == [9, 3, 2.9]
    assert course(pt)[1].tolist() == PT["p99_ms"].tolist()
    assert course(failed)[0].tolist() == [2.9]
    assert sorted(text.get_text() for text in axes.texts) == ["1 user", "4 users", "4 users"]
    words = texts(figure)
    for text in ("Pareto front", "onnx on local-2cpu-2GiB, 9 targets", "with failures: no choice", "US dollars"):
        assert text in words
    save(figure, tmp_path / "cost.png")
    assert (tmp_path / "cost.png").exists()


def test_a_stage_that_did_not_start_all_that_was_due_is_no_choice() -> None:
    figure = draw_cost(PRICED.assign(not_started=[0, 7, 0, 0, 0]), LOOKS, "", "")
    assert figure is not None
    front, _, _, failed = figure.axes[0].lines
    assert course(front)[0].tolist() == [2, 9]
    assert course(failed)[0].tolist() == [3, 2.9]


def test_without_prices_there_is_no_picture() -> None:
    assert draw_cost(BOTH, LOOKS, "", "") is None
    assert draw_cost(PRICED.assign(p99_ms=float("nan")), LOOKS, "", "") is None
    assert draw_cost(PRICED.assign(usd_per_million_inferences=float("nan")), LOOKS, "", "") is None


def test_a_run_without_a_price_is_left_out() -> None:
    prices = [9.0, 3.0, 2.9, float("nan"), float("nan")]
    figure = draw_cost(BOTH.assign(usd_per_million_inferences=prices), LOOKS, "", "")
    assert figure is not None
    assert "pt on" not in texts(figure)
