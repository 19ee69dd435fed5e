"""Tables as others open them: in a spreadsheet."""

import math
from pathlib import Path

import pandas as pd
import pytest

from mmebench.record.tables import read_table, write_table

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_from_outside_is_no_formula(text: str, tmp_path: Path) -> None:
    write_table(pd.DataFrame({"target": [text], "seconds": [-1.5]}), tmp_path / "t.csv")
    written = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
    assert written["target"].tolist() == [f"'{text}"]
    assert written["seconds"].tolist() == ["-1.5"], "a number is one"
    assert read_table(tmp_path / "t.csv")["target"].tolist() == [text]


def test_a_carriage_return_ends_no_row(tmp_path: Path) -> None:
    write_table(pd.DataFrame({"target": ["\r=1", "a\r=2"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b"target\n' =1\na =2\n"


def test_everything_else_stays_as_it_is(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"target": ["a-v1.tar.gz", "'quoted'", None], "loads": [1, -2, 3], "p99": [1.5, math.nan, -0.25]}
    )
    write_table(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "target,loads,p99\na-v1.tar.gz,1,1.5\n'quoted',-2,\n,3,-0.25\n"
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.csv"), table)


def test_times_are_read_as_times(tmp_path: Path) -> None:
    table = pd.DataFrame({"at": pd.to_datetime(["2026-01-02T03:04:05Z"]), "value": [1.0]})
    write_table(table, tmp_path / "t.csv")
    assert "2026-01-02T03:04:05Z" in (tmp_path / "t.csv").read_text()
    assert read_table(tmp_path / "t.csv", times=["at"])["at"][0] == table["at"][0]
