from pathlib import Path

import numpy as np
import pandas as pd

from mmebench.figures.latency import SHARES, find_distribution
from mmebench.report.pictures.latency_charts import draw_distribution, draw_latency_over_time
from mmebench.report.pictures.pictures import save
from mmebench.report.runs import Look
from mmebench.report.stretches import Stretch
from support.figures import course, texts

MS = 1_000_000
STAGES = (Stretch(0, 1, 10, "1 user"), Stretch(10, 12, 20, "16 users"))


def test_the_distribution_draws_each_run_as_it_is(tmp_path: Path) -> None:
    onnx = find_distribution(np.arange(1, 2001) * MS)
    pt = find_distribution(np.arange(1, 501) * 10 * MS)
    runs = {Look("onnx, 9 targets", 0): onnx, Look("pt, 3 targets", 1): pt}
    figure = draw_distribution(runs, "resnet", "a footer")
    assert figure is not None
    (axes,) = figure.axes
    first, second = axes.lines
    np.testing.assert_array_equal(course(first), [1 / (1 - SHARES), onnx])
    np.testing.assert_array_equal(course(second)[1], pt)
    assert first.get_linestyle() != second.get_linestyle(), "they can be told apart in grey"
    assert first.get_marker() != second.get_marker()
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0 %", "50 %", "90 %", "99 %", "99.9 %"]
    low, high = axes.get_ylim()
    assert low <= 1
    assert high >= np.nanmax(pt)
    words = texts(figure)
    assert "onnx, 9 targets: p50 1000 ms, p99 1980 ms" in words
    assert "pt, 3 targets: p50 2500 ms, p99 4950 ms" in words
    assert "a footer" in words
    save(figure, tmp_path / "distribution.png")
    assert "onnx, 9 targets" in (tmp_path / "distribution.svg").read_text(encoding="utf-8")


def test_the_line_ends_where_samples_carry_no_more() -> None:
    few = find_distribution(np.arange(1, 51) * MS)
    figure = draw_distribution({Look("pt", 0): few}, "", "")
    assert figure is not None
    assert np.isnan(course(figure.axes[0].lines[0])[1][SHARES > 0.98]).all()
    assert "pt: p50 25 ms, p99 unknown" in texts(figure)


def test_without_a_success_there_is_no_picture_of_latency() -> None:
    assert draw_distribution({}, "", "") is None
    assert draw_distribution({Look("pt", 0): np.full(len(SHARES), np.nan)}, "", "") is None
    assert draw_latency_over_time(pd.DataFrame(), STAGES, "", "") is None


def test_latency_over_time_draws_each_second_and_the_stages(tmp_path: Path) -> None:
    rows = pd.DataFrame({"second": [0, 1, 15, 19], "p50_ms": [5.0, 6, 7, 8], "p99_ms": [9.0, 10, 11, 12]})
    figure = draw_latency_over_time(rows, STAGES, "resnet: pt", "a footer")
    assert figure is not None
    axes = figure.axes[0]
    lines = {str(line.get_label()): line for line in axes.lines}
    for name in ("p50", "p99"):
        drawn = course(lines[f"{name} of each second"])
        np.testing.assert_array_equal(drawn, [rows["second"] + 0.5, rows[f"{name}_ms"]])
    assert axes.get_yscale() == "linear"
    assert axes.get_xlim() == (0, 20)
    shaded = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches)  # type: ignore[attr-defined]
    assert shaded == [(0, 1), (10, 12)], "what does not count"
    save(figure, tmp_path / "latency.png")
    words = (tmp_path / "latency.svg").read_text(encoding="utf-8")
    for text in ("1 user", "16 users", "resnet: pt: latency over time, ms", "a footer"):
        assert text in words


def test_a_tail_that_would_press_the_rest_flat_gets_a_logarithmic_axis() -> None:
    rows = pd.DataFrame({"second": [0, 1], "p50_ms": [5.0, 6], "p99_ms": [9.0, 1500]})
    figure = draw_latency_over_time(rows, STAGES, "", "")
    assert figure is not None
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_ylim() == (5, 2000)
    assert "latency of successes, ms (log scale)" in texts(figure)
