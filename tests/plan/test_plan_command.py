"""The command, on results that were written by hand."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from mmebench import Benchmark, load_results
from mmebench.cli import main
from mmebench.errors import BadInputError
from mmebench.record.plan import PlanRecord, find_plan
from mmebench.spec.planning import WhatIf
from mmebench.spec.reading import parse_objectives
from support.fleets import PHOTOS, REVIEWS, closed_loop, write_fleet
from support.measured_runs import capacity, change, write_measured

ASKED = ("--models", "60", "--traffic", "zipf:0.9,30")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["mmebench", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Results whose pictures are looked at."""
    write_measured(tmp_path / "results" / "resnet18")
    return tmp_path / "results" / "resnet18"


@pytest.fixture
def results(drawn: Path, undrawn: None) -> Path:
    return drawn


def test_a_plan_in_the_terminal(
    drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    what_ifs = [part for name in get_args(WhatIf) for part in ("--what-if", name)]
    assert run(monkeypatch, "plan", drawn, *ASKED, *what_ifs) == 0
    said = capsys.readouterr().out
    table = said[: said.index("resnet18 as ")]
    assert max(map(len, table.splitlines())) <= 80
    assert "…" not in table, "nothing is cut off"
    record = find_plan(drawn)
    assert record is not None
    (option,) = record.options
    assert option.answer is not None
    assert option.answer.held
    assert f"{option.instances} instances hold 60 models at 30 requests/s (zipf 0.9)" in said
    assert [scenario.name for scenario in option.scenarios] == list(get_args(WhatIf))
    assert all(f"{scenario.title}: {scenario.answer}." in said for scenario in option.scenarios)
    assert "Sensitive to" in said
    assert "AWS does not say when; from 8 in service on is assumed" in said
    assert "A load is taken to slow requests down as 1 more" in said
    assert f"Plan, table and picture: {drawn}/plan.json, plan.csv, plan.png" in said
    for name in ("plan.json", "plan.csv", "plan.png"):
        assert (drawn / name).stat().st_size > 500
    points = pd.read_csv(drawn / "plan.csv")
    assert points["answer"].sum() == 1
    assert points[points["answer"]]["held"].all()
    page = (drawn / "report.html").read_text(encoding="utf-8")
    section = page[page.index('<h2 id="plan">Plan</h2>') :]
    assert "instances hold 60 models" in section
    assert section.index('src="data:image/png;base64,') < section.index("</section>")


def plan(results: Path, monkeypatch: pytest.MonkeyPatch, *arguments: object, code: int = 0) -> PlanRecord:
    assert run(monkeypatch, "plan", results, *arguments) == code
    record = find_plan(results if results.is_dir() else results.parent)
    assert record is not None
    return record


def test_a_plan_as_json(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = plan(results, monkeypatch, *ASKED, "--set", "instances=8", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == 0
    assert found["lines"]
    assert PlanRecord.model_validate({name: found[name] for name in PlanRecord.model_fields}) == record
    assert record.asked["instances"] == 8


def test_so_few_that_they_do_not_hold_are_exit_code_1(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = plan(results, monkeypatch, *ASKED, "--set", "instances=1", code=1)
    said = capsys.readouterr().out
    assert "1 instance does not hold 60 models" in said
    assert "one instance is enough" not in said
    (option,) = record.options
    assert option.answer is not None
    assert not option.answer.held


def test_the_cheapest_comes_first(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_measured(results, platform="pt", price=0.4)
    write_measured(results, platform="openvino", price=None)
    record = plan(results, monkeypatch, *ASKED, "--set", "instances=8")
    assert [option.platform for option in record.ranked] == ["pt", "onnx", "openvino"], "unknown is last"
    said = capsys.readouterr().out
    assert said.index("resnet18 as pt") < said.index("resnet18 as onnx") < said.index("resnet18 as openvino")
    assert f"${0.4 * 730 * 8:,.0f} a month" in said
    assert "Assumed for local*pt*12: " in said


def test_what_holds_comes_before_what_is_cheaper(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One has room for two models only, and costs less."""
    write_measured(results, platform="pt", price=0.1, filled=capacity(fits=2))
    record = plan(results, monkeypatch, *ASKED, "--set", "instances=8")
    assert [option.platform for option in record.ranked] == ["onnx", "pt"]
    assert record.best == record.ranked[0]
    assert [option.answer is not None and option.answer.held for option in record.ranked] == [True, False]


def test_what_holds_nothing_is_one_message(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "plan", results, *ASKED, "--objectives", "p99=1ms") == 2
    said = capsys.readouterr()
    assert "no number of instances holds the objectives" in said.err
    assert "p99" in said.err
    assert "Traceback" not in said.err


def test_one_run_of_several_and_another_place_for_the_plan(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_measured(results, platform="pt")
    out = tmp_path / "plans" / "may"
    assert run(monkeypatch, "plan", files.prefix, *ASKED, "--set", "instances=9", "--out", out) == 0
    record = find_plan(out)
    assert record is not None
    assert [option.platform for option in record.options] == ["pt"]
    assert {path.stem for path in out.iterdir()} == {"plan"}, "there is nothing to report on"
    assert find_plan(results) is None


def test_runs_that_tell_nothing_are_left_out_by_name(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_measured(results, platform="pt")
    change(files, capacity=None)
    record = plan(results, monkeypatch, *ASKED, "--set", "instances=9")
    assert len(record.options) == 1
    assert f"Left out: {files.prefix}: no capacity was found" in capsys.readouterr().out


def write_trace(path: Path) -> Path:
    """Half an hour of 5 requests a second for 40 models, and a minute of 60."""
    random = np.random.default_rng(1)
    times = np.sort(np.concatenate([random.uniform(0, 1800, 9000), random.uniform(600, 660, 3600)]))
    weights = np.arange(1, 41) ** -0.8
    targets = random.choice(40, len(times), p=weights / weights.sum())
    rows = [f"{at:.3f},model-{target}.tar.gz" for at, target in zip(times, targets, strict=True)]
    path.write_text("\n".join(["timestamp,target", *rows]) + "\n", encoding="utf-8")
    return path


def test_a_trace_as_traffic(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = write_trace(tmp_path / "day.csv")
    record = plan(results, monkeypatch, "--traffic", trace, "--set", "instances=6", "--what-if", "lost")
    assert record.models == 40
    assert record.rate == pytest.approx(65, rel=0.05)
    said = capsys.readouterr().out
    assert "Instances are for the busiest minute of the trace" in said
    assert record.options[0].scenarios[0].course
    twice = plan(results, monkeypatch, "--traffic", trace, "--set", "instances=6", "--set", "times=2")
    assert twice.rate == pytest.approx(2 * record.rate)
    assert twice.traffic == f"2 times {trace}"
    faster = plan(results, monkeypatch, "--traffic", trace, "--set", "instances=6", "--set", "traffic.speed=2")
    assert faster.asked["traffic"]["speed"] == 2


def test_a_fleet_of_several_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warm = (PHOTOS, REVIEWS.__class__("reviews", 6, 0.3, 40, "pt"))
    write_fleet(tmp_path / "shop", warm, closed_loop(1, 4, 16), price=2.0)
    limits = ("--objectives", "p99=3s,models.photos.p99=2s")
    record = plan(tmp_path / "shop", monkeypatch, "--models", 90, "--traffic", "zipf:0.7,15", *limits)
    (option,) = record.options
    assert option.platform == "shop"
    assert option.instances is not None
    said = capsys.readouterr().out
    assert "instances hold 90 models" in said
    assert run(monkeypatch, "plan", tmp_path / "shop", *ASKED, "--objectives", "models.films.p99=2s") == 2
    assert "has no model 'films'" in capsys.readouterr().err


def test_results_plan_from_python(results: Path) -> None:
    found = load_results(results).plan({"p99": "200ms"}, models=60, traffic="zipf:0.9,30", instances=9)
    assert found.best is not None
    assert found.best.instances == 9
    assert found == find_plan(results)
    assert "p99" in found.objectives
    assert re.search("200 ms|0.2 s", found.objectives)
    for fields, message in (
        ({"models": 5}, "traffic: missing"),
        ({"traffic": "zipf:1,5"}, "models: missing"),
        ({"models": 5, "traffic": "zipf:1"}, "got 'zipf:1'; allowed: zipf:s,rate"),
        ({"models": 5, "traffic": "zipf:1,5", "pinned": 6}, "pinned: got 6 of 5 models; pin fewer"),
    ):
        with pytest.raises(BadInputError, match=re.escape(message)):
            load_results(results).plan(**fields)


SPEC: dict[str, Any] = {
    "model": {"source": "timm", "name": "resnet18"},
    "platforms": ["onnx"],
    "objectives": {"p99": "300ms"},
}


def test_a_plan_needs_a_limit_on_latency() -> None:
    with pytest.raises(BadInputError, match="plan needs objectives that say how long an answer may take"):
        Benchmark(**(SPEC | {"objectives": {}}), plan={"models": 5, "traffic": "zipf:1,5"})


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("zipf:1.1,50", {"kind": "zipf", "s": 1.1, "rate": 50.0}),
        ("traces/day.csv", {"kind": "trace", "path": "traces/day.csv", "speed": 1.0}),
        ("s3:odd.csv", {"kind": "trace", "path": "s3:odd.csv", "speed": 1.0}),
    ],
)
def test_traffic_may_be_a_text(text: str, fields: dict[str, Any]) -> None:
    found = Benchmark(**SPEC, plan={"models": 5, "traffic": text}).spec.plan
    assert found is not None
    assert found.traffic.model_dump(mode="json") == fields


def test_objectives_on_a_command_line() -> None:
    found = parse_objectives(
        ["p99=300ms,failures=0", "models.photos.goodput.within=1s,models.photos.goodput.share=99%"]
    )
    assert (found.p99, found.failures) == (0.3, 0.0)
    assert found.of("photos").goodput is not None
    for text in ("p99", "p99=[", "p99=300ms,"):
        with pytest.raises(
            BadInputError, match=r"--objectives: got .*; allowed: NAME=LIMIT; write e\.g\. p99=300ms"
        ):
            parse_objectives([text])
