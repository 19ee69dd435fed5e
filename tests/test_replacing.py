"""A file that takes another's place only when it is whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmebench.replacing import replacing, write_whole


def test_what_went_wrong_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a[1]*.txt"
    write_whole(path, "first")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half of it \ud800")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_do_not_take_each_others_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as partial:
        partial.write_text("ours")
        other = f"import pathlib, mmebench.replacing as r; r.write_whole(pathlib.Path({str(path)!r}), 'theirs')"
        subprocess.run([sys.executable, "-c", other], check=True)
        assert path.read_text() == "theirs"
    assert path.read_text() == "ours"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, alive = tmp_path / f".a.txt.{gone.pid}.part", tmp_path / f".a.txt.{os.getppid()}.part"
    for each in (left, alive):
        each.touch()
    write_whole(path, "whole")
    assert sorted(tmp_path.iterdir()) == sorted([alive, path])
