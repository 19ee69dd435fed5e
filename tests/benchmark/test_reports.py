"""When a benchmark draws what."""

from pathlib import Path

import pytest

from mmebench.benchmark.reports import drawn_at_the_end
from mmebench.errors import BadInputError
from mmebench.record.layout import RunFiles, find_runs
from mmebench.spec import Objectives
from support.variants import variant


def add(directory: Path, name: str) -> RunFiles:
    """A run of this name, measured just now."""
    variant(directory, name, 20)
    (files,) = (files for files in find_runs(directory) if files.platform == name)
    return files


def test_each_run_is_drawn_at_once_and_pictures_of_all_when_it_is_over(tmp_path: Path) -> None:
    page, together = tmp_path / "report.html", tmp_path / "chart2.png"
    with drawn_at_the_end(Objectives()) as reports:
        first = add(tmp_path, "b1")
        reports.changed(tmp_path)
        reports.write()
        assert "b1" in page.read_text(encoding="utf-8")
        assert first.chart1.exists()
        assert not together.exists()
        drawn_at = first.chart1.stat().st_mtime_ns
        second = add(tmp_path, "b4")
        reports.changed(tmp_path)
    assert "b4" in page.read_text(encoding="utf-8")
    assert second.chart1.exists()
    assert together.exists()
    assert first.chart1.stat().st_mtime_ns == drawn_at, "once"
    assert set(reports.drawn[tmp_path].summary["platform"]) == {"b1", "b4"}


def test_reports_of_many_runs_take_a_tenth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, written = [100.0], list[float]()

    def write(directory: Path, objectives: Objectives) -> None:
        written.append(now[0])
        now[0] += 5

    monkeypatch.setattr("mmebench.benchmark.reports.write_report_so_far", write)
    monkeypatch.setattr("mmebench.benchmark.reports.time.monotonic", lambda: now[0])
    add(tmp_path, "b1")
    with drawn_at_the_end(Objectives()) as reports:
        for _ in range(12):
            reports.changed(tmp_path)
            reports.write()
            now[0] += 10
    assert written == [100, 155, 210], "five seconds each, fifty after the last one"
    assert tmp_path in reports.drawn, "and all of it in the end"


def end(directory: Path, why: BaseException) -> None:
    """A benchmark that has measured something there, and ends so."""
    with drawn_at_the_end(Objectives()) as reports:
        reports.changed(directory)
        raise why


def test_what_was_measured_is_drawn_however_it_ends(tmp_path: Path) -> None:
    add(tmp_path, "b1")
    with pytest.raises(KeyboardInterrupt):
        end(tmp_path, KeyboardInterrupt())
    assert (tmp_path / "chart2.png").exists()


def test_why_it_ended_weighs_more_than_what_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="the first"):
        end(tmp_path / "nothing", BadInputError("the first"))
