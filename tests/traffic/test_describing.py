"""A trace is described in words and drawn."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.errors import BadInputError
from mmebench.figures.traffic import describe
from mmebench.report.pictures.traffic_chart import draw_traffic
from mmebench.traffic.trace_arrays import read_requests
from support.figures import texts

NOON = 1795780800


def described(path: Path, *more: str) -> Any:
    return CliRunner().invoke(cli, ["trace", "describe", str(path), *more])


def write(folder: Path, rows: Sequence[tuple[float, str]]) -> Path:
    path = folder / "trace.csv"
    path.write_text("timestamp,target\n" + "".join(f"{time},{target}\n" for time, target in rows))
    return path


def test_in_words(tmp_path: Path) -> None:
    """Ten minutes: the busiest is the fifth; a and b in turns, and eleven others once each."""
    rows = [(NOON + second, "ab"[second % 2]) for second in range(601)]
    rows += [(NOON + 240 + number * 5, f"other-{number}") for number in range(11)]
    result = described(write(tmp_path, rows))
    first, popularity, top, _, room, picture = result.output.splitlines()
    assert first == (
        "612 requests for 13 targets in 10 min 00 s: 1.02 a second, in the busiest minute from 2026-11-27 12:04 "
        "UTC on 1.18, 1.16 times as many."
    )
    assert popularity.startswith("Popularity: Zipf ")
    assert top == (
        "The 10 targets that are asked for most get 100% of the requests; 85% of the targets are asked for only "
        "once."
    )
    assert room == (
        "With the least recently used evicted, at most 97.9% find their target in memory; that takes room for "
        "this many targets: 2 for 50%, 2 for 90%, 3 for 99% of it."
    )
    assert picture == f"Picture: {tmp_path}/trace.png"
    assert (tmp_path / "trace.png").stat().st_size > 10_000


def test_as_json(tmp_path: Path) -> None:
    told = json.loads(described(write(tmp_path, [(0, "a"), (1, "b"), (2, "a")]), "--json").output)
    assert (told["requests"], told["targets"], told["counts"]) == (3, 2, [2, 1])
    assert told["hits"] == pytest.approx([0, 1 / 3])
    assert told["peak"] is None


def test_of_a_single_request_there_is_little_to_say(tmp_path: Path) -> None:
    result = described(write(tmp_path, [(5, "a")]))
    assert result.output.splitlines()[0] == "1 request for 1 target in 0 ms."


def test_json_lines_and_what_is_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"timestamp": 2, "target": "b"}\n{"timestamp": 1, "target": "a"}\n')
    times, targets, _ = read_requests(path)
    assert times.tolist() == [1, 2]
    assert targets.tolist() == [1, 0]
    for text, message in (
        ("when,who\n1,a\n", "got the columns when, who; allowed: timestamp and target"),
        ("timestamp,target\nsoon,a\n", "a timestamp is no number, or a target is missing"),
        ("timestamp,target\n1,\n", "a timestamp is no number, or a target is missing"),
        ("timestamp,target\n", "no requests in it"),
        ("", "no trace"),
    ):
        (tmp_path / "log.csv").write_text(text)
        with pytest.raises(BadInputError, match=message):
            read_requests(tmp_path / "log.csv")
    with pytest.raises(BadInputError, match="No such file or directory; give the file of a trace"):
        read_requests(tmp_path / "nowhere.csv")


def test_the_picture_says_what_is_drawn(tmp_path: Path) -> None:
    rows = [(float(number), f"m{number % 40}") for number in range(4000)]
    traffic = describe(*read_requests(write(tmp_path, rows))[:2])
    assert math.isfinite(traffic.zipf.off)
    words = texts(draw_traffic(traffic, "trace.csv", "a test"))
    assert "trace.csv: 4,000 requests for 40 targets" in words
    for title in ("When", "For which target", "In bursts?", "Least recently used is evicted"):
        assert title in words
