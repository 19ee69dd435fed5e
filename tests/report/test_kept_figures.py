"""Figures that are kept beside a run: what is read is what was computed, and never that of anything else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmebench.figures.by_model import summarise_models, without_models
from mmebench.record.layout import RunFiles, repeat_of
from mmebench.record.run import StageWindow
from mmebench.record.tables import read_table
from mmebench.report import kept_figures
from mmebench.report.figures import Figures, compute_figures
from mmebench.report.kept_figures import find_figures
from support.fleets import write_fleet
from support.samples import Sample, sample_table, write_run

STAGES = tuple(StageWindow(users=users, start=n, ready=n + 0.2, end=n + 1.0) for n, users in enumerate((1, 4, 16)))
HISTORY = (
    "Timestamp,User Count,Type,Name,Requests/s,Total Request Count,Total Failure Count,Total Median Response Time,"
    "Total Average Response Time,Total Min Response Time,Total Max Response Time\n"
    "1,1,,Aggregated,5,5,0,10,10,9,12\n2,1,,Aggregated,5,10,0,10,10,9,12\n3,1,,Aggregated,5,15,0,10,10,9,12\n"
)


def write_one(directory: Path, slower_ms: float = 0) -> RunFiles:
    """Of one model, with failures and cold starts, in three stages."""
    samples = [
        Sample(
            10 * n,
            10 * n + 5 + slower_ms,
            target=f"{n % 3}",
            error="ReadTimeout" if n % 17 == 3 else None,
            cold=n % 5 == 0,
        )
        for n in range(300)
    ]
    return write_run(directory, sample_table(samples), STAGES, shared_digest="one")


def write_repeated(directory: Path) -> RunFiles:
    for repeat in range(3):
        files = write_one(repeat_of(directory, repeat), slower_ms=repeat)
    return RunFiles(directory, "local", "pt", files.targets)


def write_broken(directory: Path) -> RunFiles:
    return write_run(directory, sample_table([]), (), complete=False)


def write_history(directory: Path) -> RunFiles:
    files = RunFiles(directory, "ml.g5.xlarge", "onnx", 4)
    directory.mkdir()
    files.stats_history.write_text(HISTORY)
    return files


ALL = [write_one, write_repeated, write_fleet, write_broken, write_history]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[RunFiles]:
    """The runs whose figures were computed."""
    of: list[RunFiles] = []

    def compute(files: RunFiles) -> Figures:
        of.append(files)
        return compute_figures(files)

    monkeypatch.setattr(kept_figures, "compute_figures", compute)
    return of


def assert_same(first: Figures, second: Figures) -> None:
    for one, other in zip(_tables(first), _tables(second), strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    np.testing.assert_array_equal(first.distribution, second.distribution)  # type: ignore[arg-type]
    assert (first.cold is None) == (second.cold is None)
    if first.cold is not None and second.cold is not None:
        assert first.cold[:3] == second.cold[:3]
        np.testing.assert_array_equal(first.cold[3:], second.cold[3:])


def _tables(figures: Figures) -> list[pd.DataFrame]:
    """A fleet's rows of its kinds as a table: in a dictionary NaN is not equal to itself."""
    rows = figures.rows
    of_runs = [] if rows.empty else [without_models(rows), summarise_models(rows)]
    return [*of_runs, figures.course, figures.errors, figures.targets]


@pytest.mark.parametrize("write", ALL)
def test_what_is_kept_is_what_was_computed(
    write: Callable[[Path], RunFiles], computed: list[RunFiles], tmp_path: Path
) -> None:
    files = write(tmp_path / "results")
    first = find_figures(files)
    assert computed == [files]
    assert_same(find_figures(files), first)
    assert computed == [files]


def change_samples(files: RunFiles) -> None:
    write_one(files.directory, slower_ms=40)


def change_a_repeat(files: RunFiles) -> None:
    write_one(repeat_of(files.directory, 2), slower_ms=40)


def lose_a_repeat(files: RunFiles) -> None:
    repeat_of(files.directory, 2).rename(files.directory / "elsewhere")


def change_record(files: RunFiles) -> None:
    files.run.write_text(files.run.read_text().replace('"precision":"fp32"', '"precision":"fp16"'))


def see_something(files: RunFiles) -> None:
    files.metrics.write_text("at,source,statistic,metric,value,unit\n")


def cut_off(files: RunFiles) -> None:
    content = files.figures.read_bytes()
    files.figures.write_bytes(content[: len(content) // 2])


def edit(files: RunFiles) -> None:
    files.figures.write_text(files.figures.read_text().replace("fp32", "fp16"))


def lose_targets(files: RunFiles) -> None:
    files.by_target.unlink()


def empty_targets(files: RunFiles) -> None:
    files.by_target.write_bytes(b"")


def empty(files: RunFiles) -> None:
    files.figures.write_bytes(b"")


@pytest.mark.parametrize(
    "change",
    [
        *(change_samples, change_a_repeat, lose_a_repeat, change_record, see_something),
        *(cut_off, edit, empty, lose_targets, empty_targets),
    ],
)
def test_what_changed_is_computed_anew(
    change: Callable[[RunFiles], None], computed: list[RunFiles], tmp_path: Path
) -> None:
    files = write_repeated(tmp_path / "results")
    find_figures(files)
    change(files)
    assert_same(find_figures(files), compute_figures(files))
    assert computed == [files] * 2
    assert len(read_table(files.by_target)) == len(find_figures(files).targets)
    find_figures(files)
    assert computed == [files] * 2


def test_what_another_version_computed_is_computed_anew(
    computed: list[RunFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_one(tmp_path / "results")
    find_figures(files)
    monkeypatch.setattr(kept_figures, "own_code", lambda: b"of another version")
    find_figures(files)
    assert computed == [files] * 2


def test_a_directory_with_another_name_has_figures_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_one(tmp_path / "one")
    assert set(find_figures(files).rows["model_name"]) == {"one"}
    other = replace(files, directory=files.directory.rename(tmp_path / "other"))
    monkeypatch.chdir(other.directory)
    here = replace(files, directory=Path())
    for each in (other, here, other):
        assert set(find_figures(each).rows["model_name"]) == {"other"}


def test_targets_of_samples_that_are_gone_do_not_stay(tmp_path: Path) -> None:
    files = write_one(tmp_path / "results")
    find_figures(files)
    assert files.by_target.exists()
    files.samples.unlink()
    files.stats_history.write_text(HISTORY)
    find_figures(files)
    assert not files.by_target.exists()


def test_a_run_that_is_set_aside_takes_its_figures_along(tmp_path: Path) -> None:
    files = write_one(tmp_path / "results")
    find_figures(files)
    aside = files.set_aside()
    assert aside is not None
    assert (aside / files.figures.name).exists()
    assert not files.figures.exists()
