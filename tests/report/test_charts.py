from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from rich.console import Console

from mmebench.report.operating_points import operating_points
from mmebench.report.palette import COLOURS
from mmebench.report.pictures.charts import draw_chart1, draw_chart2
from mmebench.report.pictures.pictures import save
from mmebench.report.runs import stages_by_run, tell_apart
from mmebench.report.words.objectives import judge
from mmebench.report.words.table import summary_table
from mmebench.spec import Goodput, Objectives
from support.figures import texts
from support.summaries import stages

PT = stages("pt", [(1, 20, 50, 240, 0), (4, 38, 105, 456, 0), (16, 40, 400, 480, 3)])
ONNX = stages("onnx-fp16", [(1, 35, 28, 420, 0), (4, 66, 60, 790, 1), (16, 70, 228, 840, 0)], "fp16")
BOTH = pd.concat([PT, ONNX], ignore_index=True)


def chart2(summary: pd.DataFrame, footer: str = "") -> Figure:
    """With the looks that a report gives these runs."""
    return draw_chart2(summary, tell_apart([key for key, _ in stages_by_run(summary)]), footer)


def test_chart1_shows_every_stage(tmp_path: Path) -> None:
    figure = draw_chart1(PT, "triton 2.51.0", Objectives())
    words = texts(figure)
    for expected in ("20", "38", "40", "50", "105", "400", "480 + 3 failed", "concurrent users", "triton 2.51.0"):
        assert expected in words
    late = PT.assign(not_started=[0, 9, 0])
    assert "456 + 9 failed" in texts(draw_chart1(late, "", Objectives())), "never started"
    save(figure, tmp_path / "chart1.png")
    assert (tmp_path / "chart1.png").read_bytes().startswith(b"\x89PNG")


def test_chart1_shows_p95_between_p50_and_p99() -> None:
    def bands(figure: Figure) -> dict[str, tuple[float, float]]:
        latency = figure.axes[2]
        found = {}
        for band in latency.collections:
            (path,) = band.get_paths()
            corners = np.asarray(path.vertices)
            last = corners[corners[:, 0] == 2, 1]
            found[str(band.get_label())] = (last.min(), last.max())
        return found

    figure = draw_chart1(PT, "", Objectives())
    assert bands(figure) == {"latency, p50 to p95": (360, 680), "latency, p95 to p99": (680, 800)}
    lighter, darker = sorted(float(band.get_alpha() or 1) for band in figure.axes[2].collections)
    assert darker >= 2 * lighter, "told apart in grey"
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "throughput",
        "operating point",
        "latency, average",
        "latency, p50 to p95",
        "latency, p95 to p99",
    ]
    few = PT.assign(p99_ms=float("nan"))
    assert bands(draw_chart1(few, "", Objectives())) == {"latency, p50 to p95": (360, 680)}
    (one, other) = draw_chart1(PT.head(1), "", Objectives()).axes[2].patches
    assert (one.get_y(), other.get_y()) == (45, 85)  # type: ignore[attr-defined]
    assert "p95" not in texts(draw_chart1(few.assign(p95_ms=float("nan")), "", Objectives()))


def test_chart1_marks_the_operating_point_and_the_objective() -> None:
    figure = draw_chart1(PT, "", Objectives(p99=0.3))
    (ring,) = (line for line in figure.axes[0].lines if line.get_label() == "operating point")
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([1], [38])  # type: ignore[arg-type]
    (limit,) = (line for line in figure.axes[2].lines if line.get_label() == "objective: p99 300 ms")
    assert set(limit.get_ydata()) == {300}  # type: ignore[arg-type]
    far = draw_chart1(PT, "", Objectives(p99=100))
    assert not [line for line in far.axes[2].lines if str(line.get_label()).startswith("objective")]


def test_chart1_of_a_single_stage_has_bars_and_no_dot_for_its_throughput() -> None:
    above, _, latency = draw_chart1(PT.head(1), "", Objectives()).axes
    (bar,) = above.patches
    assert bar.get_height() == 20  # type: ignore[attr-defined]
    assert not above.lines
    assert len(latency.patches) == 2


def test_a_run_has_the_same_colour_in_all_pictures() -> None:
    third = PT.assign(instance_type="ml.g4dn.xlarge")
    panels = chart2(pd.concat([BOTH, third], ignore_index=True)).axes
    for axes in panels:
        assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == list(COLOURS[:3])


def test_chart1_of_a_run_that_only_failed(tmp_path: Path) -> None:
    nan = float("nan")
    failed = PT.assign(
        **dict.fromkeys(("Total Average Response Time", "Total Median Response Time", "p95_ms", "p99_ms"), nan)
    ).assign(**{"Requests/s": 0.0, "Successful Requests": 0})
    save(draw_chart1(failed, "", Objectives()), tmp_path / "chart1.png")


def test_operating_points_are_free_of_failures() -> None:
    pt, onnx = operating_points(BOTH).to_dict("records")
    assert (pt["latency"], pt["latency_at"]) == (50, "1 user")
    assert (pt["throughput"], pt["throughput_at"]) == (38, "4 users")
    assert (pt["load"], pt["load_at"]) == (4, "4 users")
    # onnx had a failure at 4 users and none at 16: load that was served without a failure ends at 1.
    assert onnx["load"] == 1
    assert (onnx["throughput"], onnx["throughput_at"]) == (70, "16 users")


def test_operating_points_are_free_of_requests_that_never_started() -> None:
    (point,) = operating_points(PT.assign(not_started=[0, 5, 0])).to_dict("records")
    assert (point["throughput_at"], point["load_at"]) == ("1 user", "1 user")


def test_a_run_without_a_clean_stage_has_no_operating_point(tmp_path: Path) -> None:
    failed = stages("pt", [(1, 20, 50, 240, 1)])
    (point,) = operating_points(failed).to_dict("records")
    assert all(pd.isna(point[name]) for name in ("latency", "throughput", "load"))
    figure = chart2(failed, "")
    assert texts(figure).count("none") == 3
    save(figure, tmp_path / "chart2.png")


def test_chart2_names_platform_and_precision() -> None:
    words = texts(chart2(BOTH, "footer"))
    for expected in (
        "resnet18 on local-2cpu-2GiB: platforms compared",
        "onnx-fp16",
        "50\nat 1 user",
        "70\nat 16 users",
    ):
        assert expected in words


def test_an_open_loop_is_told_by_its_rate() -> None:
    open_loop = PT.assign(offered_per_s=[10.0, 37.5, 50.0])
    assert [point["load_at"] for point in operating_points(open_loop).to_dict("records")] == ["37.5/s"]
    words = texts(draw_chart1(open_loop, "", Objectives()))
    assert "requests per second offered" in words
    assert "37.5" in words
    assert "10/s" in texts(chart2(open_loop, ""))


def test_the_table_has_a_line_a_stage() -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    console.print(summary_table(BOTH.assign(p99_ms=[1, 2, float("nan"), 4, 5, 6])))
    lines = console.export_text().splitlines()
    assert sum(line.count("0.99") for line in lines) == 6
    assert "resnet18 on local-2cpu-2GiB" in lines[0]
    assert max(map(len, lines)) <= 80
    assert [" 40.0*" in line for line in lines].count(True) == 1
    assert [" 70.0*" in line for line in lines].count(True) == 1
    two_types = pd.concat([BOTH, PT.assign(instance_type="ml.g4dn.xlarge")])
    console.print(summary_table(two_types))
    lines = console.export_text().splitlines()
    assert sum("ml.g4dn.xlarge" in line for line in lines) == 1
    assert not any("…" in line for line in lines), "nothing is cut off"
    assert max(map(len, lines)) <= 80


def test_latencies_of_less_than_ten_milliseconds_have_two_digits() -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    console.print(summary_table(ONNX.assign(p99_ms=[0.042, 9.94, 9.96])))
    shown = console.export_text()
    assert all(f" {latency} " in shown for latency in ("0.042", "9.9", "10"))
    assert " 0 " in shown, "what is counted has none"


@pytest.mark.parametrize(
    ("objectives", "met", "words"),
    [
        (Objectives(), True, None),
        (Objectives(failures=0), True, "held up to 38 requests/s (4 users)"),
        (Objectives(p99=0.12), True, "held up to 20 requests/s (1 user)"),
        (Objectives(p99=0.05), False, "missed in every stage"),
        (
            Objectives(goodput=Goodput(within=0.1, share=0.8)),
            True,
            "80.00% within 100 ms: held up to 38 requests/s",
        ),
        (Objectives(goodput=Goodput(within=0.1, share=0.99)), False, "missed in every stage"),
        (Objectives(p99=0.5, failures=0), True, "p99 at most 500 ms, no failures"),
    ],
)
def test_objectives(objectives: Objectives, met: bool, words: str | None) -> None:
    verdict = judge(BOTH, objectives)
    assert verdict.met is met
    assert words is None or any(words in line for line in verdict.lines)


def test_requests_that_never_started_have_failed() -> None:
    late = PT.assign(not_started=[0, 2, 2])
    (line,) = judge(late, Objectives(failures=0)).lines
    assert "held up to 20 requests/s (1 user)" in line
