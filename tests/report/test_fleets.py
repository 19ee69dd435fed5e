"""What a results directory of a fleet has: tables, words, pictures."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from mmebench import load_results
from mmebench.cli import cli
from mmebench.errors import BadInputError
from mmebench.figures.operating_point import find_operating_point
from mmebench.figures.summary import summarise
from mmebench.record.layout import find_runs
from mmebench.record.run import FirstInvocation, objectives_of, read_run
from mmebench.record.run import write_run as write_record
from mmebench.report.kinds import show_kinds
from mmebench.report.pictures.capacity_chart import draw_capacity
from mmebench.report.pictures.kinds_chart import draw_kinds
from mmebench.report.report import write_report
from mmebench.report.runs import key_of, runs_in_words, stages_by_run
from mmebench.report.words.conclusions import conclude
from mmebench.report.words.objectives import describe_objectives, judge
from mmebench.spec import Objectives
from mmebench.spec.workload import ModelObjectives
from support.figures import texts
from support.fleets import PHOTOS, REVIEWS, TWO, Kind, closed_loop, many, write_fleet
from support.samples import Sample, sample_table, write_run

pytestmark = pytest.mark.slow

HELD = {"p99": 1.0, "models": {"photos": {"p95": 0.1}}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = write_fleet(tmp_path_factory.mktemp("results") / "shop", objectives=HELD, price=1.2)
    write_report(files.directory)
    return files.directory


def test_the_tables_of_a_fleet_are_on_disk(shop: Path) -> None:
    summary = pd.read_csv(shop / "summary_results.csv")
    assert (summary["model_name"].unique().tolist(), summary["platform"].unique().tolist()) == (["shop"], ["mix"])
    assert len(summary) == 3
    assert "by_model" not in summary
    models = pd.read_csv(shop / "summary_by_model.csv")
    assert models["model"].tolist() == ["photos", "reviews"] * 3
    targets = pd.read_csv(shop / "local-2cpu-3GiB*mix*18_by_target.csv")
    assert targets.groupby(["stage", "model"])["target"].count().tolist() == [12, 6] * 3
    assert (shop / "local-2cpu-3GiB*mix*18_by_model.png").exists()
    assert (shop / "local-2cpu-3GiB*mix*18_by_model.svg").exists()


def test_python_has_the_same_tables(shop: Path) -> None:
    results = load_results(shop)
    assert "by_model" not in results.summary
    written = pd.read_csv(shop / "summary_by_model.csv")
    pd.testing.assert_frame_equal(
        results.by_model[["model", "Requests/s", "slowdown"]],
        written[["model", "Requests/s", "slowdown"]],
        rtol=1e-5,
    )
    assert results.by_target()["requests"].sum() == results.summary["Successful Requests"].sum()
    with pytest.raises(BadInputError, match="allowed"):
        results.by_target("x")


def test_a_run_of_one_model_has_a_table_of_targets_and_none_of_models(tmp_path: Path) -> None:
    samples = sample_table([Sample(10 * n, 10 * n + 5, target=f"{n % 3}") for n in range(300)])
    files = write_run(tmp_path / "one", samples, closed_loop(1, seconds=3))
    for left in (files.directory / "summary_by_model.csv", files.kinds_chart):
        left.write_text("of a fleet that was here before")
    write_report(files.directory)
    assert pd.read_csv(files.by_target)["requests"].sum() > 90
    assert not (files.directory / "summary_by_model.csv").exists()
    assert not files.kinds_chart.exists()
    assert 'href="#models"' not in (files.directory / "report.html").read_text(encoding="utf-8")
    assert load_results(files.directory).by_model.empty


def test_without_a_record_nobody_knows_the_targets(tmp_path: Path) -> None:
    (tmp_path / "ml.g4dn.2xlarge*trt*42_stats_history.csv").write_text(
        "Timestamp,User Count,Name,Total Request Count,Total Failure Count,Total Average Response Time\n"
        + "".join(f"{second},20,InvokeEndpoint,{10 * second},0,25.0\n" for second in range(30))
    )
    with pytest.raises(BadInputError, match="only Locust's history"):
        load_results(tmp_path).by_target()


def test_the_verdict_names_each_kind_and_whose_the_tail_is(shop: Path) -> None:
    first, choice = load_results(shop).verdict
    assert first.startswith("On local-2cpu-3GiB 11 photos and 5 reviews fit together; 39.3 requests/s at p99 ")
    assert "(4 users): photos 27.9/s at p99 " in first, "16 users are too many for the photos"
    assert ", reviews 11.4/s at p99 " in first
    assert first.endswith("Of the slowest 1 % of answers 100% are of reviews, which has 29% of all.")
    assert choice.startswith("shop on local-2cpu-3GiB serves")


def test_a_fleet_is_called_by_its_name(shop: Path) -> None:
    """That it is a mix says nothing to people."""
    ((name, rows),) = runs_in_words(load_results(shop).summary)
    assert name == "shop on local-2cpu-3GiB"
    assert key_of(rows.iloc[0]).title("shop") == "shop on local-2cpu-3GiB, 18 targets"
    assert "<h1>shop</h1>" in load_results(shop).report.read_text(encoding="utf-8")


def test_filling_has_the_colours_of_kinds_and_no_copy_of_the_mixture(shop: Path) -> None:
    (rows,) = [stages for _, stages in stages_by_run(summarise(shop))]
    (files,) = find_runs(shop)
    capacity = read_run(files.run).capacity
    assert capacity is not None
    loads = tuple(
        FirstInvocation(target=f"{number}", kind=kind.name, seconds=1, memory_used=2**28 * (number + 1))
        for number, kind in enumerate(capacity.kinds * 2)
    )
    filled = capacity.model_copy(update={"loads": loads, "bytes_per_copy": 2**28})
    kinds = show_kinds(rows)
    shown = texts(figure := draw_capacity(filled, "", "", kinds))
    assert "(11 photos, 5 reviews)" in shown
    assert "a copy" not in shown
    seconds = figure.axes[-1]
    assert seconds.get_legend() is not None
    colours = [bar.get_facecolor() for bar in seconds.patches]
    assert colours[0] == colours[2] != colours[1] == colours[3]


def test_of_many_kinds_the_busiest_and_the_slowest_are_named(tmp_path: Path) -> None:
    write_fleet(tmp_path, many(40), closed_loop(16, seconds=60))
    (verdict,) = load_results(tmp_path).verdict
    assert "40 kinds of models with 40 targets fit together" in verdict
    assert ": model-01 " in verdict
    assert " as the busiest, model-" in verdict
    assert " as the slowest, and 38 more" in verdict
    assert "are of no single model: at most" in verdict


def test_a_fleet_that_nobody_filled_or_that_has_room_left_says_so(tmp_path: Path) -> None:
    files = write_fleet(tmp_path)
    run = read_run(files.run)
    assert run.capacity is not None
    for capacity, said in (
        (run.capacity.model_copy(update={"limited_by": "limit"}), "at least 11 photos and 5 reviews fit together"),
        (None, "On local-2cpu-3GiB 12 photos and 6 reviews were asked for; "),
    ):
        write_record(run.model_copy(update={"capacity": capacity}), files.run)
        assert said in load_results(tmp_path).verdict[0]


def test_what_a_kind_misses_begins_with_its_name(shop: Path) -> None:
    summary = summarise(shop)
    strict = Objectives(failures=0, models={"reviews": ModelObjectives(p95=0.03)})
    assert describe_objectives(strict) == ["no failures", "reviews: p95 at most 30 ms"]
    verdict = judge(summary, strict)
    assert not verdict.met
    assert "missed in every stage (1 user: reviews: p95 " in verdict.lines[0]
    held = judge(
        summary, Objectives(models={"photos": ModelObjectives(p95=0.1), "reviews": ModelObjectives(p50=1)})
    )
    assert held.met
    assert "held up to 39.3 requests/s (4 users)" in held.lines[0]
    tight = summary["by_model"][1]["photos"]["p95_ms"] / 1e3 * 1.0001
    uncertain = judge(summary, Objectives(models={"photos": ModelObjectives(p95=tight)}))
    assert "; the interval of the p95 of photos reaches " in uncertain.lines[0]
    nobody = judge(summary, Objectives(models={"faces": ModelObjectives(p95=1)}))
    assert nobody.met
    assert "faces: there are no figures of it" in nobody.lines[0]


def test_what_is_asked_of_very_many_kinds_is_said_once(tmp_path: Path) -> None:
    write_fleet(tmp_path, many(40))
    asked = Objectives(models={kind.name: ModelObjectives(p50=0.001) for kind in many(40)})
    names = "model-01, model-02, model-03, model-04, model-05 and 35 more"
    assert describe_objectives(asked) == [f"{names}: p50 at most 1 ms"]
    (line,) = judge(summarise(tmp_path), asked).lines
    assert line.count("model-") == 10
    assert re.search(r" ms and 3\d more\)$", line)


def test_failures_are_named_by_kind(tmp_path: Path) -> None:
    write_fleet(tmp_path, (PHOTOS, replace(REVIEWS, failed=0.1)))
    summary = summarise(tmp_path)
    warnings = [text for text in conclude(summary, Objectives()).warnings if "failed" in text]
    assert len(warnings) == 3
    assert f"requests failed (reviews {summary['Failed Requests'][0]:.0f}); latency" in warnings[0]


def test_the_terminal_and_programs_are_told_by_model(shop: Path) -> None:
    shown = CliRunner().invoke(cli, ["report", str(shop)], standalone_mode=False).output
    lines = [line for line in shown.splitlines() if line.startswith(("photos", "reviews", "at 4 users"))]
    assert [line.split()[:2] for line in lines] == [["at", "4"], ["photos", "onnx"], ["reviews", "pt"]]
    assert all(len(line) <= 80 for line in lines)
    told = CliRunner().invoke(cli, ["report", str(shop), "--json"], standalone_mode=False).stdout
    stage = json.loads(told)["stages"][1]
    assert set(stage["by_model"]) == {"photos", "reviews"}
    assert stage["by_model"]["photos"]["littles_law"] is None
    assert stage["by_model"]["photos"]["Requests/s"] == pytest.approx(27.9, abs=0.1)


@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        (TWO, ["photos", "reviews"]),
        (many(8), [f"model-0{number}" for number in range(1, 9)]),
        (many(40), [*(f"model-0{number}" for number in range(1, 8)), "33 others"]),
    ],
)
def test_kinds_beyond_the_palette_share_a_colour(
    kinds: tuple[Kind, ...], names: list[str], tmp_path: Path
) -> None:
    stages = closed_loop(16, seconds=400)
    files = write_fleet(tmp_path, kinds, stages)
    ((_, rows),) = stages_by_run(summarise(tmp_path))
    run = read_run(files.run)
    shown = show_kinds(rows)
    assert sorted(kind.name for kind in shown) == sorted(names)
    assert [kind.number for kind in shown] == list(range(len(names)))
    assert sum(kind.rates[0] for kind in shown) == pytest.approx(rows["Requests/s"].iloc[0])
    assert sum(len(kind.members) for kind in shown) == len(kinds)
    assert run.capacity is not None
    filled = sum(sum(kind.memory(run.capacity)) for kind in shown)
    assert run.capacity.memory_budget == round(1.05 * filled)
    figure = draw_kinds(rows, find_operating_point(rows, objectives_of(run)), run.capacity, "shop", "")
    assert figure is not None
    assert set(names) <= set(texts(figure).splitlines())
    panels = {axes.get_title(): axes for axes in figure.axes}
    tail = next(axes for title, axes in panels.items() if title.startswith("whose the slowest"))
    for bar in range(2):
        lengths = [patch.get_width() for patch in tail.patches if patch.get_y() == bar - 0.3]  # type: ignore[attr-defined]
        assert sum(lengths) == pytest.approx(100)
    memory = next(axes for title, axes in panels.items() if title.startswith("memory"))
    assert sum(patch.get_width() for patch in memory.patches) * 2**30 == pytest.approx(filled)  # type: ignore[attr-defined]


def test_a_fleet_without_capacity_or_answers_has_fewer_panels(tmp_path: Path) -> None:
    files = write_fleet(tmp_path, (PHOTOS, replace(REVIEWS, failed=1.0)), closed_loop(1, seconds=5))
    write_record(read_run(files.run).model_copy(update={"capacity": None}), files.run)
    ((_, rows),) = stages_by_run(summarise(tmp_path))
    figure = draw_kinds(rows, None, None, "shop", "")
    assert figure is not None
    assert "whose" not in texts(figure)
    write_report(tmp_path)
    assert files.kinds_chart.exists()
