"""Which pictures are drawn, and which are there already."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mmebench.errors import MmebenchError
from mmebench.record.layout import RunFiles
from mmebench.record.run import StageWindow
from mmebench.report.pictures import drawing
from mmebench.report.pictures.drawing import Picture, draw_changed
from mmebench.report.report import write_report
from support.fleets import write_fleet
from support.pictures import ending, line, picture
from support.samples import Sample, sample_table, write_run

pytestmark = pytest.mark.slow

TESTS = str(Path(__file__).parents[1])
STAGES = tuple(StageWindow(users=users, start=n, ready=n, end=n + 1.0) for n, users in enumerate((1, 4, 16)))
Drawn = Mapping[Path, int]


def write_load(directory: Path, targets: int = 3, slower_ms: float = 0) -> RunFiles:
    samples = [Sample(10 * n, 10 * n + 5 + n % 7 + slower_ms) for n in range(300)]
    return write_run(directory, sample_table(samples), STAGES, targets=targets)


def drawn(directory: Path) -> Drawn:
    """All pictures, and when each was."""
    return {path: path.stat().st_mtime_ns for end in ("png", "svg") for path in directory.glob(f"*.{end}")}


def changed(before: Drawn, after: Drawn) -> set[str]:
    """The pictures that were drawn between the two."""
    return {path.stem for path, at in after.items() if before.get(path) != at}


def report_elsewhere(directory: Path) -> None:
    """In a process of its own, in which sets have another order."""
    subprocess.run(
        [sys.executable, "-m", "mmebench", "report", str(directory)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )


def test_a_second_report_draws_nothing(tmp_path: Path) -> None:
    write_load(tmp_path, 3)
    write_load(tmp_path, 9)
    write_report(tmp_path)
    before = drawn(tmp_path)
    assert len(before) == 14
    write_report(tmp_path)
    report_elsewhere(tmp_path)
    assert drawn(tmp_path) == before


def test_a_second_report_of_a_fleet_draws_nothing(tmp_path: Path) -> None:
    write_fleet(tmp_path / "shop")
    write_report(tmp_path / "shop")
    before = drawn(tmp_path / "shop")
    write_report(tmp_path / "shop")
    assert drawn(tmp_path / "shop") == before


def test_a_new_run_is_drawn_and_what_shows_all_runs(tmp_path: Path) -> None:
    write_load(tmp_path, 9)
    write_report(tmp_path)
    before = drawn(tmp_path)
    write_load(tmp_path, 3)  # comes first in every picture and table
    report_elsewhere(tmp_path)
    own = {"local*pt*3_chart1", "local*pt*3_latency"}
    assert changed(before, drawn(tmp_path)) == own | {"chart2", "distribution", "knee"}


def test_a_run_that_was_measured_again_is_drawn_again(tmp_path: Path) -> None:
    write_load(tmp_path, 3)
    write_load(tmp_path, 9)
    write_report(tmp_path)
    before = drawn(tmp_path)
    write_load(tmp_path, 9, slower_ms=4)
    write_report(tmp_path)
    own = {"local*pt*9_chart1", "local*pt*9_latency"}
    assert changed(before, drawn(tmp_path)) == own | {"chart2", "distribution", "knee"}


def test_what_was_deleted_or_cut_off_is_drawn_again(tmp_path: Path) -> None:
    files = write_load(tmp_path)
    write_report(tmp_path)
    whole = files.chart1.read_bytes()
    files.chart1.write_bytes(whole[:-1])
    files.latency_chart.with_suffix(".svg").unlink()
    (tmp_path / "knee.png").write_bytes(b"")
    before = drawn(tmp_path)
    write_report(tmp_path)
    assert changed(before, drawn(tmp_path)) == {files.chart1.stem, files.latency_chart.stem, "knee"}
    assert files.chart1.read_bytes() == whole


def test_another_version_draws_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_load(tmp_path)
    write_report(tmp_path)
    before = drawn(tmp_path)
    drawing._style.cache_clear()
    monkeypatch.setattr(drawing, "own_code", lambda: b"another")
    try:
        write_report(tmp_path)
    finally:
        drawing._style.cache_clear()
    assert changed(before, drawn(tmp_path)) == {path.stem for path in before}


def test_other_settings_of_matplotlib_draw_all_of_it(tmp_path: Path) -> None:
    draw_changed([picture(tmp_path / "a.png")])
    before, settings = drawn(tmp_path), tmp_path / "matplotlibrc"
    program = (
        "import sys; from pathlib import Path; from support.pictures import picture;"
        "from mmebench.report.pictures.drawing import draw_changed; draw_changed([picture(Path(sys.argv[1]))])"
    )
    settings.write_text("font.size: 14\n")
    for expected in ({"a"}, set()):
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "a.png")],
            check=True,
            env=os.environ | {"MATPLOTLIBRC": str(settings), "PYTHONPATH": TESTS},
        )
        after = drawn(tmp_path)
        assert changed(before, after) == expected
        before = after


def test_what_is_equal_is_the_same_picture(tmp_path: Path) -> None:
    name = "".join(["a", "b"])
    once = Picture(tmp_path, line, ([name, name],)).identifier
    assert once == Picture(tmp_path, line, (["ab", "".join(["a", "b"])],)).identifier
    assert once != Picture(tmp_path, line, (["ab", "abc"],)).identifier
    assert once != Picture(tmp_path, ending, ([name, name],)).identifier, "by another function"


def test_where_there_is_nothing_to_show_an_older_one_goes(tmp_path: Path) -> None:
    draw_changed([picture(tmp_path / "a.png")])
    assert len(drawn(tmp_path)) == 2
    draw_changed([picture(tmp_path / "a.png", 0)])
    assert not drawn(tmp_path)


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what tests draw is found by whoever draws."""
    monkeypatch.setattr(drawing, "_cores", lambda: 2)
    monkeypatch.setenv("PYTHONPATH", TESTS)


def test_many_are_drawn_by_two_processes_as_one_would(
    tmp_path: Path, two_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[int] = []
    process = drawing._process

    def counted(pictures: Sequence[tuple[Picture, str]]) -> AbstractContextManager["subprocess.Popen[bytes]"]:
        shares.append(len(pictures))
        return process(pictures)

    monkeypatch.setattr(drawing, "_process", counted)
    several = [picture(tmp_path / f"{number}.png", 1 + number) for number in range(17)]
    draw_changed(several[:1])
    draw_changed(several)
    assert shares == [8], "of the 16 that are not there"
    by_two = {path: path.read_bytes() for path in drawn(tmp_path)}
    assert len(by_two) == 34
    for path in by_two:
        path.unlink()
    monkeypatch.setattr(drawing, "_cores", lambda: 1)
    draw_changed(several)
    assert {path: path.read_bytes() for path in drawn(tmp_path)} == by_two


def test_what_goes_wrong_in_another_process_is_raised_here(tmp_path: Path, two_cores: None) -> None:
    folders = (tmp_path, tmp_path / "no folder")
    with pytest.raises(FileNotFoundError, match="no folder"):
        draw_changed([picture(folders[number % 2] / f"{number}.png") for number in range(16)])
    assert len(drawn(tmp_path)) == 16, "what could be drawn was"


def test_a_process_that_was_ended_is_told(tmp_path: Path, two_cores: None) -> None:
    ours = [picture(tmp_path / f"{number}.png") for number in range(8)]
    theirs = [Picture(tmp_path / f"not {number}.png", ending, ("",)) for number in range(8)]
    with pytest.raises(MmebenchError, match="ended with status 9; report again"):
        draw_changed([each for both in zip(ours, theirs, strict=True) for each in both])
