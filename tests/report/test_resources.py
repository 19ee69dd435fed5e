from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmebench.record.metrics import COLUMNS
from mmebench.record.sightings import read_sightings
from mmebench.report.pictures.pictures import save
from mmebench.report.pictures.resource_chart import draw_resources
from mmebench.report.resources import find_panels
from mmebench.report.stretches import Stretch
from support.figures import course, texts

NO_METRICS = pd.DataFrame(columns=[*COLUMNS, "second"])
SIGHTINGS = pd.DataFrame({"at": [1.0, 2.0, 3.0], "targets": [3, 2, 3], "memory_used": [3 << 20, 2 << 20, 3 << 20]})


@pytest.fixture
def nothing(tmp_path: Path) -> pd.DataFrame:
    return read_sightings(tmp_path / "none.csv")


def metrics(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["source", "metric", "statistic", "second", "value"])


def test_nothing_recorded_is_no_picture(nothing: pd.DataFrame) -> None:
    assert find_panels(nothing, NO_METRICS, 60.0) == []
    assert draw_resources([], (), "", "") is None


def test_what_an_endpoint_says_of_itself_is_shown_and_nothing_else() -> None:
    targets, memory = find_panels(SIGHTINGS, NO_METRICS, 60.0)
    assert (targets.unit, memory.unit) == ("targets", "MiB")
    assert targets.lines[0].value.tolist() == [3, 2, 3]
    assert memory.lines[0].value.tolist() == [3, 2, 3]
    assert memory.lines[0].at.tolist() == [1, 2, 3]


def test_each_unit_has_its_panel_and_only_what_the_load_saw_is_in_it(nothing: pd.DataFrame) -> None:
    found = find_panels(
        nothing,
        metrics(
            ("server_metrics", "gpu_utilization", "gpu 0", -5, 1),
            ("server_metrics", "gpu_utilization", "gpu 0", 5, 50),
            ("server_metrics", "gpu_utilization", "gpu 1", 5, 60),
            ("server_metrics", "gpu_utilization", "gpu 1", 65, 1),
            ("server_metrics", "gpu_used_memory", "gpu 0", 5, 6000),
            ("server_metrics", "gpu_total_memory", "gpu 0", 5, 24000),
            ("server_metrics", "cpu_utilization", "host", 5, 70),
            ("CloudWatch", "GPUUtilization", "Average", -61, 2),
            ("CloudWatch", "GPUUtilization", "Average", -1, 110),
            ("CloudWatch", "GPUUtilization", "Maximum", -1, 200),
            ("CloudWatch", "CPUUtilization", "Average", -1, 280),
            ("CloudWatch", "LoadedModelCount", "Maximum", -1, 10),
        ),
        60.0,
    )
    shown = {
        (panel.title.replace("\n", " "), panel.unit): [
            (line.name, line.at.tolist(), line.value.tolist(), line.seconds) for line in panel.lines
        ]
        for panel in found
    }
    assert shown == {
        ("targets in memory, server_metrics included", "targets"): [("CloudWatch, by the minute", [-1], [10], 60)],
        ("GPU busy", "% of one GPU"): [
            ("server_metrics, gpu 0", [5], [50], 0),
            ("server_metrics, gpu 1", [5], [60], 0),
            ("CloudWatch, by the minute", [-1], [110], 60),
        ],
        ("GPU memory in use", "% of one GPU"): [("server_metrics, gpu 0", [5], [25], 0)],
        ("CPU busy", "% of all cores"): [("server_metrics", [5], [70], 0)],
        ("CPU busy, all cores together", "% of one core"): [("CloudWatch, by the minute", [-1], [280], 60)],
    }


def test_panels_share_the_time_of_the_load(nothing: pd.DataFrame, tmp_path: Path) -> None:
    cpu = ("CloudWatch", "CPUUtilization", "Average")
    rows = metrics((*cpu, 0, 280), (*cpu, 60, 300))
    panels = find_panels(SIGHTINGS, rows, 90.0)
    stages = (Stretch(0, 5, 45, "1 user"), Stretch(45, 50, 90, "4 users"))
    figure = draw_resources(panels, stages, "resnet18: pt", "a footer")
    assert figure is not None
    assert len(figure.axes) == 3
    assert {axes.get_xlim() for axes in figure.axes} == {(0, 90)}
    assert course(figure.axes[0].lines[0])[1].tolist() == [3, 2, 3]
    averages = np.array([[0, 60, 60, 60, 120, 120], [280, 280, np.nan, 300, 300, np.nan]])
    np.testing.assert_array_equal(course(figure.axes[2].lines[0]), averages)
    save(figure, tmp_path / "resources.png")
    words = texts(figure) + (tmp_path / "resources.svg").read_text(encoding="utf-8")
    for text in ("resnet18: pt: the endpoint during the load", "a footer", "4 users", "MiB", "% of one core"):
        assert text in words
