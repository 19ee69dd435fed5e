from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmebench.benchmark.experiments.cold_starts.figures import PARTS
from mmebench.benchmark.experiments.cold_starts.picture import draw as draw_cold_starts
from mmebench.benchmark.experiments.interference.figures import Course, Pair, summarise_interference
from mmebench.benchmark.experiments.interference.picture import draw as draw_interference
from mmebench.benchmark.experiments.working_set.picture import draw as draw_working_set
from mmebench.record.run import Capacity, FirstInvocation
from mmebench.report.pictures.capacity_chart import draw_capacity
from mmebench.report.pictures.pictures import save
from support.figures import texts

MIB = 2**20


def working_set(cold_time_share: list[float]) -> pd.DataFrame:
    figures = ("hit_ratio", "predicted_hit_ratio", "requests_per_s", "p50_ms", "p90_ms", "cold_starts_per_s")
    rows = pd.DataFrame({"zipf": 0.0, "ratio": [0.5, 1, 2], "cold_time_share": cold_time_share})
    for name in (*figures, "lru_age_s", "predicted_lru_age_s"):
        rows[name] = [1.0, 2.0, np.nan]
    rows["prediction_error"] = [0.0, 0.0, 0.3]
    return pd.concat([rows, rows.assign(zipf=1.2)])


def test_the_working_set_names_where_thrash_begins(tmp_path: Path) -> None:
    figure = draw_working_set(working_set([0, 0.2, 0.8]), "a title", "a footer")
    shown = texts(figure)
    assert "uniform: thrash from 1.50" in shown
    assert "zipf 1.2: thrash from 1.50" in shown
    assert "off by 0.100 on average" in shown
    assert "no thrash" in texts(draw_working_set(working_set([0, 0, 0.1]), "", ""))
    save(figure, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    drawn = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert "a title" in drawn, "words are words, not curves"


def test_where_nothing_was_answered_there_is_a_picture_all_the_same(tmp_path: Path) -> None:
    """A logarithmic axis has no place for nothing."""
    unknown = working_set([0, 0.2, 0.8]).assign(p50_ms=np.nan, p90_ms=np.nan)
    save(draw_working_set(unknown, "a title", "a footer"), tmp_path / "chart.png")
    nothing = np.array([])
    course = Course(nothing, nothing, nothing.astype(np.int8), np.zeros((0, 2)), (5, 0, 0), 0, 0, 0)
    save(
        draw_interference([(Pair("", "", course), summarise_interference(course))], "a title", "a footer"),
        tmp_path / "chart.png",
    )


def test_interference_shades_cold_starts_and_leaves_out_what_does_not_count(tmp_path: Path) -> None:
    due = np.arange(0, 30, 0.05)
    phase = np.where(due < 2, -1, np.where(due < 15, 0, np.where((due > 20) & (due < 22), 2, 1))).astype(np.int8)
    course = Course(
        due, np.full(len(due), 0.02), phase, np.array([[20.0, 21.0], [25.0, 25.5]]), (0, 0, 0), 0, 20, 0
    )
    figure = draw_interference([(Pair("", "", course), summarise_interference(course))], "a title", "a footer")
    over_time, bars = figure.axes
    assert len(over_time.patches) == 2
    assert np.size(over_time.lines[0].get_xdata()) == np.count_nonzero(phase >= 0)
    shown = [text.get_text() for text in bars.texts]
    assert shown.count("20") == 6
    assert bars.get_legend_handles_labels()[1] == ["p50", "p95"], "too few for a p99"
    save(figure, tmp_path / "chart.png")
    short = course._replace(phase=np.where((due > 20.5) & (phase == 2), 1, phase).astype(np.int8))
    figure = draw_interference([(Pair("", "", short), summarise_interference(short))], "a title", "a footer")
    assert [text.get_text() for text in figure.axes[1].texts].count("too few") == 1


@pytest.mark.parametrize("told", [True, False])
def test_cold_starts_show_what_they_are_made_of(tmp_path: Path, told: bool) -> None:
    rows = pd.DataFrame({"concurrency": [1, 1, 4], "seconds": [1.0, 2.0, 5.0], "warm_seconds": [0.1, 0.1, 0.1]})
    for number, part in enumerate(PARTS):
        rows[part] = 0.1 * (number + 1) if told else np.nan
    shown = texts(figure := draw_cold_starts(rows, "a title", "a footer"))
    assert "1.5 s" in shown
    assert "5 s" in shown
    for text in ("1 at once", "4 at once", "warm", *PARTS.values()):
        assert text in shown
    save(figure, tmp_path / "chart.png")


def test_cold_starts_of_many_models_are_the_longest_of_them(tmp_path: Path) -> None:
    seconds = [float(number) for number in range(1, 41)]
    rows = pd.DataFrame({"concurrency": 1, "seconds": seconds, "warm_seconds": 0.1} | dict.fromkeys(PARTS, 0.1))
    figure = draw_cold_starts(rows.assign(kind=[f"m{each:.0f}" for each in seconds]), "a title", "a footer")
    split, spread = figure.axes
    shown = [label.get_text() for label in split.get_yticklabels()]
    assert shown == [f"m{number}, 1 at once" for number in range(17, 41)]
    assert "the 24 longest of 40" in split.get_title()
    assert spread.get_legend_handles_labels()[1] == ["cold, all 40 together", "warm"]
    save(figure, tmp_path / "chart.png")


def test_capacity_says_what_limited_it(tmp_path: Path) -> None:
    loads = tuple(
        FirstInvocation(
            target=f"{n}", seconds=1, memory_loaded=90 * MIB * (n + 1), memory_used=100 * MIB * (n + 1)
        )
        for n in range(5)
    )
    capacity = Capacity(
        fits=5,
        limited_by="eviction",
        bytes_per_copy=100 * MIB,
        bytes_per_copy_bounds=(95 * MIB, 105 * MIB),
        memory_budget=550 * MIB,
        loads=loads,
    )
    figure = draw_capacity(capacity, "a title", "a footer")
    assert "5 targets fit, limited by eviction; 100 MiB a copy (95 to 105 with 95 % confidence)" in texts(figure)
    save(figure, tmp_path / "chart.png")
    bare = capacity.model_copy(
        update={"bytes_per_copy": None, "bytes_per_copy_bounds": None, "memory_budget": None}
    )
    assert "5 targets fit, limited by eviction" in texts(draw_capacity(bare, "", ""))


def test_capacity_where_nobody_says_what_is_in_memory(tmp_path: Path) -> None:
    loads = tuple(FirstInvocation(target=f"{n}", seconds=1, memory_used=None) for n in range(4))
    capacity = Capacity(fits=4, limited_by="limit", bytes_per_copy=None, memory_budget=None, loads=loads)
    figure = draw_capacity(capacity, "a title", "a footer")
    assert len(figure.axes) == 1, "no empty picture of memory"
    assert "at least 4 targets fit; no more were asked for\nfirst invocation, which waits for the load" in texts(
        figure
    )
    save(figure, tmp_path / "chart.png")
