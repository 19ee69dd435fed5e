"""Several results on a side of a comparison."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from mmebench import compare as compare_in_python
from mmebench.cli import cli
from mmebench.errors import BadInputError
from mmebench.figures.side import read_sides
from mmebench.record.run import StageWindow
from support.samples import Sample, sample_table, write_run

STAGE = StageWindow(users=2, start=0, ready=0, end=10)
LONGER = StageWindow(users=4, start=10, ready=10, end=20)


def result(
    directory: Path,
    per_second: int,
    *,
    stages: Sequence[StageWindow] = (STAGE,),
    failed: int = 0,
    platform: str = "pt",
    targets: int = 3,
    **more: Any,
) -> Path:
    """So many successes a second, of 20 ms each, in every stage; and failures in the first."""
    gap = 1000 / per_second
    samples = [
        Sample(1000 * stage.start + gap * number, 1000 * stage.start + gap * number + 20)
        for stage in stages
        for number in range(per_second * 10)
        if gap * number + 20 < 10_000
    ]
    samples += [Sample(100, 120, "ModelError", status=424)] * failed
    write_run(directory, sample_table(samples), tuple(stages), platform=platform, targets=targets, **more)
    return directory


def several(folder: Path, name: str, rates: Sequence[int], **more: Any) -> list[Path]:
    return [result(folder / f"{name}{number}", rate, **more) for number, rate in enumerate(rates, 1)]


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)], standalone_mode=False)


def throughput(before: Sequence[Path], after: Sequence[Path], **more: Any) -> dict[str, Any]:
    (comparison,) = compare_in_python(before, after, **more)
    rows = comparison.changes
    (row,) = rows[(rows["figure"] == "throughput") & (rows["load"] == "2 users")].to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_figures_are_means_and_a_difference_is_real_only_across_runs(tmp_path: Path) -> None:
    """100 a second against 120 is real within each run, and where runs come to 100, 140 and 60 it is not."""
    steady = several(tmp_path, "steady", [100, 102, 98])
    faster = several(tmp_path, "faster", [120, 122, 118])
    unsteady = several(tmp_path, "unsteady", [120, 180, 60])
    assert throughput(steady[:1], faster[:1])["verdict"] == "better"
    across = throughput(steady, faster)
    assert across["before"] == pytest.approx(100, abs=0.3)
    assert across["after"] == pytest.approx(120, abs=0.3)
    assert across["verdict"] == "better"
    assert 0.1 < across["low"] < 0.2 < across["high"] < 0.3
    assert throughput(steady[:1], unsteady[:1])["verdict"] == "better"
    assert throughput(steady, unsteady)["verdict"] in ("no difference shown", "too few to say")


def test_the_intervals_are_students_between_the_runs(tmp_path: Path) -> None:
    (side,) = read_sides(several(tmp_path, "a", [100, 104, 108]))
    assert (side.count, side.name) == (3, "a1, a2 and a3, pt on local, 3 targets, in 3 results")
    (row,) = side.rows.to_dict("records")
    rates = [len([n for n in range(rate * 10) if 1000 / rate * n + 20 < 10_000]) / 10 for rate in (100, 104, 108)]
    middle = sum(rates) / 3
    spread = (sum((rate - middle) ** 2 for rate in rates) / 2) ** 0.5
    assert row["Requests/s"] == pytest.approx(middle)
    assert row["throughput_high_per_s"] - middle == pytest.approx(4.303 * spread / 3**0.5)


def test_what_it_prints_says_of_how_many_runs(tmp_path: Path) -> None:
    before, after = several(tmp_path, "base", [100, 102]), several(tmp_path, "new", [200, 202])
    done = compare(*before, "--against", *after, "--fail-on", "throughput>+50%", "--json")
    assert done.return_value == 1
    said = json.loads(done.output)
    (comparison,) = said["comparisons"]
    assert comparison["runs"] == {"before": 2, "after": 2}
    assert comparison["before"] == "base1 and base2, pt on local, 3 targets, in 2 results"
    assert [text.partition(": throughput")[0] for text in said["exceeded"]] == ["throughput>+50%: 2 users"]
    shown = compare(*before, "--against", *after).output
    assert "before: means of 2 runs, intervals between them; after: means of 2 runs" in shown
    assert "may be chance" not in shown


def test_one_against_several_says_what_it_does_not_know(tmp_path: Path) -> None:
    before, after = several(tmp_path, "base", [100]), several(tmp_path, "new", [200, 202])
    shown = compare(*before, "--against", *after).output
    assert (
        "before: one run, intervals within it; after: means of 2 runs, intervals between them. What differs from "
        "run to run is not in the intervals of before: a small difference may be chance all the same; measure it "
        "again."
    ) in shown
    assert "**better**" in shown
    alone = compare(*before, "--against", after[0]).output
    assert "intervals" not in alone, "as it always was"
    assert alone == compare(before[0], after[0]).output


def test_repeats_of_a_result_count_as_so_many(tmp_path: Path) -> None:
    before = [result(tmp_path / "a", 100, shared_digest="x"), result(tmp_path / "b", 104)]
    result(before[0] / "repeat-2", 102, shared_digest="x")
    result(before[0] / "repeat-3", 300, shared_digest="of another spec")
    (comparison,) = compare_in_python(before, result(tmp_path / "c", 100))
    assert (comparison.before.count, comparison.after.count) == (3, 1)
    (row,) = comparison.before.rows.to_dict("records")
    assert row["repeats"] == 3
    assert row["Requests/s"] == pytest.approx(102, abs=0.3)


def test_runs_of_a_result_that_have_a_repeat_in_common_are_each_compared(tmp_path: Path) -> None:
    """As where four targets fitted when it was started again, and three before."""
    before = result(tmp_path / "a", 100, shared_digest="x")
    result(before, 100, targets=4, shared_digest="x")
    result(before / "repeat-2", 102, shared_digest="x")
    comparisons = compare_in_python(before, result(tmp_path / "b", 100))
    assert [comparison.before.count for comparison in comparisons] == [2, 2]


def test_a_stage_that_not_all_have_is_said(tmp_path: Path) -> None:
    before = [result(tmp_path / "a", 100, stages=(STAGE, LONGER)), result(tmp_path / "b", 100)]
    after = several(tmp_path, "new", [100, 101], stages=(STAGE, LONGER))
    (comparison,) = compare_in_python(before, after)
    assert comparison.differences.notable[0] == "before: 4 users in 1 of 2 runs only"
    assert [stage.load for stage in comparison.stages] == ["2 users", "4 users"]


def test_failures_of_one_run_of_several_are_no_difference(tmp_path: Path) -> None:
    """Of 3,000 requests 200 failed, by their number far more than chance, but all of them in one run."""
    before = several(tmp_path, "base", [100, 100, 100])
    once = [*several(tmp_path, "once", [100, 100]), result(tmp_path / "broken", 100, failed=200)]
    always = several(tmp_path, "always", [100, 100, 100], failed=200)
    limit = ("--fail-on", "failures>1%")
    assert compare(before[0], once[2], *limit).return_value == 1
    assert compare(*before, "--against", *once, *limit).return_value == 0
    assert compare(*before, "--against", *always, *limit).return_value == 1
    few = several(tmp_path, "few", [100, 100, 100], failed=1)
    (comparison,) = compare_in_python(before, few)
    failures = comparison.stages[0].changes[-1]
    assert (failures.metric, failures.verdict) == ("failures", "no difference shown"), "1 in 1000, each time"


def test_runs_of_a_side_that_are_not_alike_are_named(tmp_path: Path) -> None:
    before = [
        result(tmp_path / "a", 100, spec={"workload": {"payload": {"batch": 1}}}),
        result(tmp_path / "b", 100, targets=4, spec={"workload": {"payload": {"batch": 4}}}),
    ]
    after = several(tmp_path, "new", [100, 101], spec={"workload": {"payload": {"batch": 1}}})
    refused = compare(*before, "--against", *after)
    assert isinstance(refused.exception, BadInputError)
    of_which = f"before, {before[0]} and {before[1]}"
    assert f"{of_which}: workload.payload: batch 1 and batch 4" in str(refused.exception)
    anyway = compare(*before, "--against", *after, "--anyway")
    assert f"- {of_which}: workload.payload: batch 1 and batch 4" in anyway.output
    assert f"- {of_which}: targets: 3 and 4" in anyway.output
    assert anyway.output.startswith("## a and b, pt on local, 3 and 4 targets, in 2 results → new1 and new2, pt")


def test_sides_are_paired_by_platform(tmp_path: Path) -> None:
    before, after = several(tmp_path, "base", [100, 102]), several(tmp_path, "new", [100, 102])
    for path in (*before, *after):
        result(path, 50, platform="onnx")
    junit = tmp_path / "limits.xml"
    done = compare(*before, "--against", *after, "--fail-on", "p99>+10%", "--junit", junit)
    assert done.return_value == 0
    names = [case.get("classname") for case in ElementTree.parse(junit).getroot()]
    assert [(name or "").split(",")[1] for name in names] == [" onnx on local", " pt on local"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "--against", "a"), "got a and a, which have a/local*pt*3 in common; allowed: each run once"),
        (("a", "a"), "got a and a, which have"),
        (("a", "b", "b", "--against", "c"), "got b and b, which have"),
        (("a", "--against", "b", "a/local*pt*3"), "got a and a/local*pt*3, which have"),
        (("a", "a/repeat-2", "--against", "c"), "got a and a/repeat-2, which have a/repeat-2/local*pt*3 in"),
        (("a", "b", "--against", "onnx", "onnx2", "pair"), "onnx: no run of it is on a platform and"),
        (("a", "b", "--against", "pair", "onnx"), "it has onnx on local; both have pt on local; leave it out"),
        (("pair", "pair2", "--against", "other"), "no runs on the same platform and instance type: onnx on"),
        (("a", "b", "--against", "nowhere"), "nowhere: no results, as there is no such directory or run; give"),
        (("a", "b", "--against", "empty"), "empty: no results; give results/<model>"),
        (("a", "twice", "--against", "b"), "twice: several runs differ only in their targets; name one"),
        (("a", "b", "c"), "got 3 results: a b c; allowed: two, or any number on both sides of --against; write"),
        (("a",), "got 1 result: a; allowed: two"),
    ],
)
def test_what_cannot_be_compared_gets_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result(Path("a"), 100, shared_digest="x")
    result(Path("a/repeat-2"), 100, shared_digest="x")
    for name in ("b", "c", "pair", "pair2", "twice"):
        result(Path(name), 100)
    for name in ("onnx", "onnx2", "pair", "pair2"):
        result(Path(name), 100, platform="onnx")
    for name in ("openvino", "trt"):
        result(Path("other"), 100, platform=name)
    result(Path("twice"), 100, targets=9)
    Path("empty").mkdir()
    refused = compare(*arguments)
    assert isinstance(refused.exception, BadInputError)
    assert said in str(refused.exception)


def test_it_ends_with_2_and_a_message_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmebench", "compare", "a", "--against", "b"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("mmebench: a: no results")
    assert len(done.stderr.splitlines()) == 1


def test_against_takes_all_up_to_the_next_option(tmp_path: Path) -> None:
    before, after = several(tmp_path, "base", [100, 102]), several(tmp_path, "new", [100, 102, 104])
    for arguments in (
        (*before, "--against", *after, "--json"),
        ("--json", *before, f"--against={after[0]}", *after[1:]),
        ("--against", *after, "--json", *before),
        (*before, "--against", after[0], "--against", *after[1:], "--json"),
    ):
        (comparison,) = json.loads(compare(*arguments).output)["comparisons"]
        assert comparison["runs"] == {"before": 2, "after": 3}
