import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from mmebench.cli import cli
from mmebench.errors import BadInputError
from mmebench.figures import comparability
from mmebench.figures.limits import parse_limit
from mmebench.figures.metric import relative_change
from mmebench.figures.stage_changes import Change, StageChange, compare_rows
from mmebench.figures.statistics import Estimate
from mmebench.record.layout import find_runs
from mmebench.record.run import StageWindow
from support.samples import Sample, sample_table, write_run

STAGES = (StageWindow(users=2, start=0, ready=1, end=31), StageWindow(users=4, start=31, ready=32, end=62))


def result(directory: Path, latency: float, seed: int, failures: int = 0, **spec: Any) -> Path:
    """Two stages; latencies around so many milliseconds, a request every 20 ms."""
    random = np.random.default_rng(seed)
    samples = []
    for start in (1000, 32_000):
        taken = random.lognormal(np.log(latency), 0.3, 1400)
        samples += [Sample(start + 20 * n, start + 20 * n + taken[n]) for n in range(1400)]
    samples += [Sample(33_000, 33_001, error="ModelError", status=424)] * failures
    write_run(directory, sample_table(samples), STAGES, spec=spec)
    return directory


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)], standalone_mode=False)


def test_the_same_load_twice_shows_no_difference(tmp_path: Path) -> None:
    shown = compare(result(tmp_path / "a", 50, 1), result(tmp_path / "b", 50, 2)).output
    verdicts = [line.split("|")[7].strip(" *") for line in shown.splitlines() if line.startswith("| ")][1:]
    assert len(verdicts) == 2 * 8
    assert verdicts.count("too few to say") == 2, "of 1400 answers a p99.9 has no interval"
    assert verdicts.count("no difference shown") >= 12


def test_a_slower_result_is_named_worse_by_about_as_much(tmp_path: Path) -> None:
    before, after = result(tmp_path / "a", 50, 1), result(tmp_path / "b", 60, 2, failures=140)
    done = compare(before, after, "--fail-on", "p99>+10%", "--fail-on", "p50>+40%", "--fail-on", "failures>1%")
    assert done.return_value == 1
    rows = [
        [cell.strip(" *") for cell in line.split("|")[1:-1]]
        for line in done.output.splitlines()
        if line[:2] == "| "
    ]
    p50 = next(row for row in rows if row[:2] == ["", "p50"])
    assert p50[6] == "worse"
    assert float(p50[4].rstrip("%")) == pytest.approx(20, abs=3)
    low, high = (float(bound.strip().rstrip("%")) for bound in p50[5].split("…"))
    assert low < 20 < high
    failed = [line for line in done.output.splitlines() if line.startswith("FAILED")]
    assert [line.split(":")[0] for line in failed] == ["FAILED p99>+10%"] * 2 + ["FAILED failures>1%"]
    assert "4 users: failures changed by +9.1%" in failed[-1]
    assert compare(after, before, "--fail-on", "p99>+10%").return_value == 0


def test_what_it_says_for_programs_for_ci_and_for_a_pull_request(tmp_path: Path) -> None:
    before, after = result(tmp_path / "a", 50, 1), result(tmp_path / "b", 75, 2)
    junit, markdown = tmp_path / "limits.xml", tmp_path / "summary.md"
    markdown.write_text("# Before\n")
    limits = ("--fail-on", "p50>+10%", "--fail-on", "failures>1%")
    done = compare(before, after, *limits, "--json", "--junit", junit, "--markdown", markdown)
    assert done.return_value == 1
    said = json.loads(done.output)
    (comparison,) = said["comparisons"]
    p50 = next(change for change in comparison["loads"][0]["changes"] if change["figure"] == "p50")
    assert (p50["verdict"], p50["unit"]) == ("worse", "ms")
    assert 0.4 < p50["low"] < p50["change"] < p50["high"] < 0.6
    p99_9 = next(change for change in comparison["loads"][0]["changes"] if change["figure"] == "p99.9")
    assert p99_9["low"] is None, "of 1400 answers it has no interval"
    assert len(said["exceeded"]) == 2
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["p50>+10%"]
    assert markdown.read_text().startswith("# Before\n## ")
    assert "FAILED p50>+10%: 2 users: p50 changed by" in markdown.read_text()


def test_an_outage_is_no_pass(tmp_path: Path) -> None:
    """What has no p99 any more cannot be judged by it, and what fell to nothing fell."""
    before, gone = result(tmp_path / "a", 50, 1), tmp_path / "b"
    gone.mkdir()
    failed = [Sample(100 * n, 100 * n + 5, "ModelError", status=424) for n in range(600)]
    write_run(gone, sample_table(failed), STAGES)
    junit = tmp_path / "limits.xml"
    limits = ("--fail-on", "throughput<-5%", "--fail-on", "p99>+10%")
    done = compare(before, gone, *limits, "--json", "--junit", junit)
    assert done.return_value == 1
    said = json.loads(done.output)
    assert said["exceeded"][0] == "throughput<-5%: 2 users: throughput changed by -100.0%"
    assert said["cannot_be_judged"][0] == "p99>+10%: 2 users: not both have a p99"
    suite = ElementTree.parse(junit).getroot()
    assert [suite.get(what) for what in ("tests", "failures", "skipped")] == ["2", "1", "1"]


def test_a_load_that_comes_again_belongs_to_its_like(tmp_path: Path) -> None:
    """The second of two stages with four users takes twice as long as the first, which is no change."""
    random = np.random.default_rng(4)
    samples = []
    for stage, latency in enumerate((50, 70, 100)):
        taken = random.lognormal(np.log(latency), 0.3, 1400)
        samples += [Sample(30_000 * stage + 20 * n, 30_000 * stage + 20 * n + taken[n]) for n in range(1400)]
    stages = tuple(
        StageWindow(users=users, start=30 * n, ready=30 * n, end=30 * n + 30) for n, users in enumerate((4, 16, 4))
    )
    for name in ("a", "b"):
        write_run(tmp_path / name, sample_table(samples), stages)
    done = compare(tmp_path / "a", tmp_path / "b", "--fail-on", "p50>+10%")
    assert done.return_value == 0
    assert "worse" not in done.output
    assert [line.split("|")[1].strip() for line in done.output.splitlines() if "throughput" in line] == [
        "4 users", "16 users", "4 users (2)",
    ]  # fmt: skip


def test_a_run_whose_samples_are_gone_is_compared_by_its_history(tmp_path: Path) -> None:
    """Its record knows two stages, and Locust's history shows one stretch."""
    kept, lost = result(tmp_path / "a", 50, 1), result(tmp_path / "b", 50, 2)
    (files,) = find_runs(lost)
    files.samples.unlink()
    columns = "Timestamp,User Count,Name,Total Request Count,Total Failure Count,Total Average Response Time\n"
    rows = "".join(f"{second},4,Aggregated,{50 * second},0,50\n" for second in range(30))
    files.stats_history.write_text(columns + rows)
    done = compare(kept, lost)
    assert done.exception is None
    assert "| 4 users | throughput |" in done.output
    assert "2 users" not in done.output


def test_a_run_without_a_stage_has_nothing_to_compare(tmp_path: Path) -> None:
    whole = result(tmp_path / "a", 50, 1)
    write_run(tmp_path / "b", sample_table([Sample(0, 5)]), (), complete=False)
    shown = compare(whole, tmp_path / "b").output
    assert "No load was offered to both." in shown
    assert "after: the run did not get to its end" in shown


def test_the_interval_holds_the_true_change_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        estimates = []
        for true in (10.0, 13.0):
            values = random.normal(true, 2, 50)
            half = 2.01 * values.std(ddof=1) / np.sqrt(50)
            estimates.append(Estimate(values.mean(), values.mean() - half, values.mean() + half))
        change = relative_change(*estimates)
        held += change.low <= 0.3 <= change.high
    assert 275 <= held <= 297


def row(**figures: float) -> "pd.Series[Any]":
    return pd.Series({"Successful Requests": 100, "Failed Requests": 0, "Requests/s": 5.0} | figures)


def test_what_one_side_does_not_know_is_not_compared() -> None:
    changes = compare_rows(row(p99_ms=4.0), row())
    assert [change.metric for change in changes] == ["throughput", "failures"]
    assert changes[0].verdict == "too few to say"


def test_fewer_failures_are_better() -> None:
    before, after = row(**{"Failed Requests": 30}), row(**{"Failed Requests": 2})
    failures = compare_rows(before, after)[-1]
    assert failures.verdict == "better"
    assert failures.change.value == pytest.approx(2 / 102 - 30 / 130)
    assert compare_rows(after, before)[-1].verdict == "worse"
    late = compare_rows(row(not_started=0), row(not_started=100))[-1]
    assert (late.after, late.verdict) == (0.5, "worse"), "what never started has failed"


@pytest.mark.parametrize(
    ("spec", "difference"),
    [
        ({"workload": {"payload": {"batch": 4, "encoding": "json"}}}, "workload.payload: batch 1 and batch 4"),
        (
            {"workload": {"payload": {"batch": 1, "encoding": "json"}, "popularity": {"kind": "zipf"}}},
            "popularity",
        ),
    ],
)
def test_what_is_not_comparable_is_refused_unless_asked_for(
    tmp_path: Path, spec: dict[str, Any], difference: str
) -> None:
    before = result(tmp_path / "a", 50, 1, workload={"payload": {"batch": 1, "encoding": "json"}})
    after = result(tmp_path / "b", 50, 2, **spec)
    refused = compare(before, after)
    assert isinstance(refused.exception, BadInputError)
    assert difference in str(refused.exception)
    assert "--anyway" in str(refused.exception)
    anyway = compare(before, after, "--anyway")
    assert anyway.exception is None
    assert "**Not comparable:**" in anyway.output


def test_runs_are_paired_by_platform_or_named(tmp_path: Path) -> None:
    before, after = result(tmp_path / "a", 50, 1), result(tmp_path / "b", 50, 2)
    write_run(after, sample_table([Sample(2000, 2050)]), STAGES[:1], targets=9)
    assert "name one" in str(compare(before, after).exception)
    named = compare(before / "local*pt*3", after / "local*pt*3")
    assert named.exception is None
    assert "| 2 users |" in named.output
    assert "no results" in str(compare(before, tmp_path / "missing").exception)
    assert "no results" in str(compare(before / "local*pt*4", after).exception)


@pytest.mark.parametrize("text", ["p98>3%", "p99", "p99>fast", "p99=3%", "throughput<5"])
def test_a_limit_that_is_none(text: str) -> None:
    with pytest.raises(BadInputError, match="write a metric, > or <, and a change in percent"):
        parse_limit(text)


def test_a_limit_is_only_exceeded_by_what_is_more_than_chance() -> None:
    def stages(low: float) -> list[StageChange]:
        return [
            StageChange("2 users", (Change("p99", "ms", 10, 12, Estimate(0.2, low, 0.5), lower_is_better=True),))
        ]

    limit = parse_limit(" p99 > +10 %")
    assert limit.exceeded(stages(0.01)) == ["p99 > +10 %: 2 users: p99 changed by +20.0%"]
    assert limit.exceeded(stages(-0.01)) == []
    assert parse_limit("p99>30%").exceeded(stages(0.01)) == []
    assert parse_limit("p50>10%").exceeded(stages(0.01)) == []


GPU = {
    "name": "NVIDIA H200", "mig": False, "driver": "580.159.04", "cuda": "13.0", "power_limit": 700.0, "ecc": True,
    "sm_clock": 345,
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {"gpus": []}, []),
        ({"gpus": [GPU]}, {"gpus": [GPU | {"sm_clock": 1980}]}, []),
        (
            {"gpus": [GPU]},
            {"gpus": [GPU | {"driver": "590.1"}]},
            [
                "GPUs: NVIDIA H200, driver 580.159.04, CUDA 13.0, 700.0 W, ECC True and "
                "NVIDIA H200, driver 590.1, CUDA 13.0, 700.0 W, ECC True"
            ],
        ),
        ({}, {"gpus": [GPU]}, ["GPUs: none and NVIDIA H200, driver 580.159.04, CUDA 13.0, 700.0 W, ECC True"]),
    ],
    ids=["a record of before", "clocks", "a driver", "one more"],
)
def test_gpus_that_differ_are_named_and_their_clocks_are_not(
    before: dict[str, Any], after: dict[str, Any], found: list[str]
) -> None:
    assert comparability._environment(before, after) == found
