"""Variants of a spec: the same benchmark with some fields changed."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from mmebench.benchmark.story import run_benchmark
from mmebench.benchmark.wanted import find_wanted, in_order
from mmebench.cli import cli
from mmebench.errors import BadInputError
from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from mmebench.spec import Spec
from mmebench.spec.reading import read_spec
from mmebench.spec.variants import describe_changes
from support.tiny_models import file_model, onnx_bytes
from support.watching import Watcher

BASE: dict[str, Any] = {
    "model": {"source": "timm", "name": "resnet18"},
    "platforms": "onnx",
    "endpoint": {"memory": "2GiB", "kind": "local"},
    "workload": {"profile": [{"users": 2, "duration": "10s"}]},
    "objectives": {"p99": "200ms"},
}


def tiny(folder: Path) -> dict[str, Any]:
    """A benchmark that is over in seconds."""
    (folder / "tiny.onnx").write_bytes(onnx_bytes(1.0))
    return {
        "model": file_model(folder / "tiny.onnx"),
        "platforms": "onnx",
        "endpoint": {"kind": "local", "container": "python", "memory": "1GiB"},
        "targets": 1,
        "workload": {
            "arrivals": {"kind": "closed", "think_time": "10ms"},
            "profile": [{"users": 1, "duration": "1s"}],
        },
    }


def spec(**more: Any) -> Spec:
    return read_spec(BASE | more, "test")


def test_a_spec_without_variants_is_measured_as_it_is() -> None:
    one = spec()
    assert one.varied() == ((None, one),)


def test_each_variant_is_the_spec_with_its_changes_and_no_others() -> None:
    asked = spec(
        variants={
            "b1": {"platforms.0.max_batch_size": 1},
            "json": {"workload.payload.encoding": "json", "workload.profile.stages.0.users": 4},
            "pt": {"platforms": "pt", "endpoint.memory": "3GiB"},
            "alone": {"platforms.0.dynamic_batching": None},
        }
    )
    varied = {variant.name: each for variant, each in asked.varied() if variant is not None}
    assert [each.platforms[0].max_batch_size for each in varied.values()] == [1, 8, 8, 8]
    assert [each.workload.payload.encoding for each in varied.values()] == ["binary", "json", "binary", "binary"]
    assert [each.workload.profile.stages[0].users for each in varied.values()] == [2, 4, 2, 2]
    assert [each.platforms[0].kind for each in varied.values()] == ["onnx", "onnx", "pt", "onnx"]
    assert varied["alone"].platforms[0].dynamic_batching is None
    assert {each.objectives.p99 for each in varied.values()} == {0.2}
    assert all(not each.variants for each in varied.values())


def test_a_grid_is_every_combination() -> None:
    found = spec(grid={"platforms.0.max_batch_size": [1, 8, 32], "platforms.0.instances": [1, 2]}).varied()
    assert [variant.name for variant, _ in found if variant] == [
        f"mbs{size}.instances{count}" for size in (1, 8, 32) for count in (1, 2)
    ]
    assert [(each.platforms[0].max_batch_size, each.platforms[0].instances) for _, each in found] == [
        (size, count) for size in (1, 8, 32) for count in (1, 2)
    ]


def test_fields_of_one_name_are_told_apart_by_where_they_are() -> None:
    fleet = {
        "models": {name: {"model": BASE["model"], "platform": "onnx"} for name in ("a", "b")},
        "grid": {"models.a.platform.instances": [1], "models.b.platform.instances": [2]},
    }
    ((variant, _),) = read_spec(fleet, "test").varied()
    assert variant is not None
    assert variant.name == "a-platform-instances1.b-platform-instances2"


def test_platforms_of_one_kind_have_names() -> None:
    named = [{"kind": "onnx", "name": f"onnx-b{size}", "max_batch_size": size} for size in (1, 32)]
    assert [fleet.platform for fleet in spec(platforms=named).fleets] == ["onnx-b1", "onnx-b32"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"variants": {"b1": {"platforms.0.max_batch": 1}}},
            r"variants\.b1: platforms\.0\.max_batch: unknown",
        ),
        (
            {"variants": {"b1": {"platforms.3.kind": "pt"}}},
            r"variants\.b1: platforms\.3\.kind: there is no",
        ),
        (
            {"variants": {"b_1": {"targets": 1}}},
            "got 'b_1' as a name; allowed: a name of letters, digits, dots and hyphens; write e.g. b-1",
        ),
        ({"variants": {"x": {"model.name.foo": 1}}}, "there is nothing in 'resnet18' to change"),
        ({"variants": {"x": {"workload.timeout": "soon"}}}, r"variants\.x: workload\.timeout: got 'soon'"),
        ({"variants": {"x": {"objectives.p99": "1s"}}}, "got a change of objectives, which all variants have in"),
        ({"grid": {"layout": ["plain", "stars"]}}, "got a change of layout, which all variants have in common"),
        (
            {"variants": {"x": {"workload.payload.batch": 2, "workload": {"timeout": "3s"}}}},
            r"got both workload and workload\.payload\.batch, which is within it",
        ),
        ({"variants": {"x": {}}}, r"variants\.x: got an empty mapping"),
        ({"grid": {"targets": []}}, r"grid\.targets: got an empty list"),
        ({"grid": {"targets": [1]}, "variants": {"a": {"targets": 2}}}, "got both variants and grid"),
        ({"grid": {"model.name": ["a.b", "a-b"]}}, "two combinations would be called namea-b"),
        ({"grid": {"targets": list(range(1, 20_001))}}, "grid: got 20,000 combinations; allowed: 10,000"),
        ({"platforms": ["onnx", {"kind": "onnx"}]}, "platforms: got onnx twice; .* or give it a name"),
    ],
)
def test_what_cannot_be_varied_so_is_refused_in_words(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        spec(**change)


def test_variants_of_other_models_do_not_stand_side_by_side() -> None:
    asked = spec(variants={"small": {"model.name": "resnet18"}, "large": {"model.name": "resnet50"}})
    with pytest.raises(BadInputError, match="got the models resnet18 and resnet50, whose results do not stand"):
        find_wanted(asked)


def test_changes_in_words() -> None:
    changes = {"platforms.0.max_batch_size": 1, "platforms.0.dynamic_batching": None, "a.b": True}
    assert describe_changes(changes) == (
        "platforms.0.max_batch_size: 1, platforms.0.dynamic_batching: null, a.b: true"
    )


def test_more_runs_than_anybody_means_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(BASE | {"grid": {"targets": list(range(1, 202))}}))
    result = CliRunner().invoke(cli, ["run", str(path), "--results", str(tmp_path / "results")])
    assert isinstance(result.exception, BadInputError)
    assert "got 201 runs, each with an endpoint of its own; allowed: 200" in str(result.exception)
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_variants_are_runs_under_their_names(tmp_path: Path) -> None:
    asked = read_spec(
        tiny(tmp_path)
        | {
            "variants": {"b1": {"platforms.0.max_batch_size": 1}, "b4": {"platforms.0.max_batch_size": 4}},
        },
        "test",
    )
    outcome = run_benchmark(asked, tmp_path / "results", Watcher())
    runs = {files.platform: read_run(files.run) for files in find_runs(outcome.directory)}
    assert {name: run.changes for name, run in runs.items()} == {
        "b1": {"platforms.0.max_batch_size": 1},
        "b4": {"platforms.0.max_batch_size": 4},
    }
    assert [run.package["max_batch_size"] for run in runs.values()] == [1, 4]
    assert outcome.report.variants == ("b1: platforms.0.max_batch_size: 1", "b4: platforms.0.max_batch_size: 4")
    summary = pd.read_csv(outcome.directory / "summary_results.csv")
    assert summary["changes"].tolist() == ["platforms.0.max_batch_size: 1", "platforms.0.max_batch_size: 4"]
    assert "platforms.0.max_batch_size: 4" in (outcome.directory / "report.html").read_text(encoding="utf-8")
    before = {name: run.finished_at for name, run in runs.items()}
    run_benchmark(asked, tmp_path / "results", Watcher())
    again = {files.platform: read_run(files.run).finished_at for files in find_runs(outcome.directory)}
    assert again == before, "measured already"


class Counter(Watcher):
    """How many endpoints there were, and how many of them were filled."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoints: list[str] = []
        self.filled_times = 0

    def came_up(self, what: str) -> None:
        """Noted."""
        self.endpoints.append(what)

    def filled(self, capacity: Any) -> None:
        """Noted."""
        self.filled_times += 1


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_repeats_may_be_on_one_endpoint_which_is_filled_once(tmp_path: Path) -> None:
    variants = {name: {"platforms.0.max_batch_size": size} for name, size in (("a", 1), ("b", 2))}
    fields = tiny(tmp_path) | {"variants": variants, "repeats": 2, "fresh": False}
    fields["endpoint"] = fields["endpoint"] | {"price": 3.6}
    asked, watcher = read_spec(fields, "test"), Counter()
    titles = [each.title for each, _ in in_order(find_wanted(asked))]
    assert titles == ["a", "a, repeat 2", "b", "b, repeat 2"]
    outcome = run_benchmark(asked, tmp_path / "results", watcher)
    assert outcome.problems == ()
    assert watcher.endpoints == ["a", "b"]
    assert watcher.filled_times == 2
    assert pd.read_csv(outcome.directory / "summary_results.csv")["repeats"].tolist() == [2, 2]
    runs = {files.platform: read_run(files.run) for files in find_runs(outcome.directory)}
    again = {files.platform: read_run(files.run) for files in find_runs(outcome.directory / "repeat-2")}
    assert all(run.complete for run in (*runs.values(), *again.values()))
    assert runs["a"].endpoint_seconds == again["a"].endpoint_seconds, "each paid for half of its time"
    assert runs["a"].capacity == again["a"].capacity
    assert run_benchmark(asked, tmp_path / "results", watcher).problems == ()
    assert watcher.endpoints == ["a", "b"], "measured already"


def test_one_endpoint_for_repeats_takes_repeats() -> None:
    with pytest.raises(BadInputError, match="fresh: got false; allowed: with repeats"):
        spec(fresh=False)
    assert (
        spec(fresh=False, repeats=2).remarks[0].startswith("repeats are on one endpoint: intervals know nothing")
    )


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_repeats_come_in_turns_and_their_intervals_are_between_them(tmp_path: Path) -> None:
    asked = read_spec(
        tiny(tmp_path)
        | {
            "variants": {name: {"platforms.0.max_batch_size": size} for name, size in (("a", 1), ("b", 2))},
            "repeats": 2,
        },
        "test",
    )
    titles = [each.title for each, _ in in_order(find_wanted(asked))]
    assert titles == ["a", "b", "b, repeat 2", "a, repeat 2"]
    outcome = run_benchmark(asked, tmp_path / "results", Watcher())
    assert outcome.problems == ()
    assert {files.platform for files in find_runs(outcome.directory / "repeat-2")} == {"a", "b"}
    summary = pd.read_csv(outcome.directory / "summary_results.csv")
    assert summary["repeats"].tolist() == [2, 2]
    once = pd.read_csv(outcome.directory / "repeat-2" / "summary_results.csv")
    (second,) = once[once["platform"] == "a"]["Requests/s"]
    (row,) = summary[summary["platform"] == "a"].to_dict("records")
    first = 2 * row["Requests/s"] - second
    assert row["throughput_high_per_s"] - row["Requests/s"] == pytest.approx(
        12.706 * abs(first - second) / 2, rel=1e-3
    )
    more = asked.model_copy(update={"repeats": 3})
    run_benchmark(more, tmp_path / "results", Watcher())
    assert pd.read_csv(outcome.directory / "summary_results.csv")["repeats"].tolist() == [3, 3]
    workload = asked.workload.model_copy(update={"timeout": 30.0})
    other = asked.model_copy(update={"repeats": 1, "workload": workload})
    run_benchmark(other, tmp_path / "results", Watcher())
    alone = pd.read_csv(outcome.directory / "summary_results.csv")
    assert "repeats" not in alone, "those of another spec are no repeats of this one"
