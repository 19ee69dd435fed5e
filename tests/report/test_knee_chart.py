from pathlib import Path

import numpy as np
import pandas as pd

from mmebench.report.pictures.knee_chart import draw_knee
from mmebench.report.pictures.pictures import save
from mmebench.report.runs import stages_by_run, tell_apart
from support.figures import course, texts
from support.summaries import stages

ONNX = stages("onnx", [(1, 20, 50, 240, 0), (4, 60, 60, 456, 0), (16, 62, 250, 480, 0)])
PT = stages("pt", [(16, 40, 400, 480, 3), (1, 10, 90, 240, 0), (4, 20, 170, 456, 0)])
BOTH = pd.concat([ONNX, PT], ignore_index=True)
LOOKS = tell_apart([key for key, _ in stages_by_run(BOTH)])


def test_all_runs_are_drawn_by_load_and_their_knees_marked(tmp_path: Path) -> None:
    figure = draw_knee(BOTH, LOOKS, "resnet18", "a footer")
    assert figure is not None
    axes = figure.axes[0]
    onnx_p99, onnx_p50, *rings, pt_p99, _pt_p50 = axes.lines[:6]
    np.testing.assert_array_equal(course(onnx_p99), [ONNX["Requests/s"], ONNX["p99_ms"]])
    np.testing.assert_array_equal(course(onnx_p50), [ONNX["Requests/s"], ONNX["Total Median Response Time"]])
    assert [(x.tolist(), y.tolist()) for x, y in map(course, rings)] == [([60], [54]), ([60], [120])]
    assert course(pt_p99)[0].tolist() == [10, 20, 40]
    assert onnx_p99.get_marker() != pt_p99.get_marker()
    words = texts(figure)
    assert "onnx, 9 targets: knee at 4 users, 60/s" in words
    assert "pt, 9 targets: knee at 4 users, 20/s" in words, "at 16 users some failed"
    assert "nine tenths of the most requests/s" in words
    assert "4 users" in [text.get_text() for text in axes.texts]
    save(figure, tmp_path / "knee.png")
    assert (tmp_path / "knee.svg").exists()


def test_no_knee_is_said_to_be_none() -> None:
    one = ONNX.head(1)
    figure = draw_knee(one, LOOKS, "", "")
    assert figure is not None
    assert "onnx, 9 targets: no knee found" in texts(figure)
    assert len(figure.axes[0].texts) == 0


def test_a_history_has_no_percentiles_and_so_no_picture() -> None:
    history = ONNX.assign(**{"Total Median Response Time": float("nan"), "p99_ms": float("nan")})
    assert draw_knee(history, LOOKS, "", "") is None
    figure = draw_knee(pd.concat([history, PT]), LOOKS, "", "")
    assert figure is not None
    assert "onnx" not in texts(figure)
