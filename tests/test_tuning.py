"""Tuning: which configuration is best."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from mmebench.benchmark.tuning.budget import Budget
from mmebench.benchmark.tuning.chooser import choose, is_hopeless, weigh
from mmebench.benchmark.tuning.earlier_trials import read_trials
from mmebench.benchmark.tuning.ranking import make_record, write_best
from mmebench.benchmark.tuning.tune import check_tuning, tune
from mmebench.cli import cli
from mmebench.errors import BadInputError, MmebenchError
from mmebench.figures.statistics import Estimate
from mmebench.figures.trial import Trial, TrialFigures
from mmebench.record.claim import claim
from mmebench.record.layout import find_runs
from mmebench.record.run import EndedEarly, read_run
from mmebench.record.tuning import find_tuning
from mmebench.report.words.tuning import describe_tuning
from mmebench.spec import Spec
from mmebench.spec.reading import load_spec, read_spec
from mmebench.spec.tuning import Range, Tuning
from support.tiny_models import file_model, onnx_bytes
from support.watching import Watcher

BASE: dict[str, Any] = {
    "model": {"source": "timm", "name": "resnet18"},
    "platforms": "onnx",
    "endpoint": {"memory": "2GiB", "kind": "local"},
    "workload": {"profile": [{"users": 2, "duration": "10s"}]},
}
SIZES, INSTANCES = "platforms.0.max_batch_size", "platforms.0.instances"
RECORDED = pd.read_csv(Path(__file__).parent / "data" / "grid_of_30.csv")
"""Of a grid that was measured: resnet18 of random weights, 8 users for 6 s, 1500 MiB, two busy cores."""


def spec(**tuning: Any) -> Spec:
    return read_spec(BASE | {"tune": {"space": {SIZES: [1, 8, 32]}} | tuning}, "test")


def space(**tuning: Any) -> Tuning:
    asked = spec(**tuning).tune
    assert asked is not None
    return asked


def tried(
    tuning: Tuning, changes: Mapping[str, Any], *values: float, state: str = "measured", beyond: float = 0.0
) -> Trial:
    """With these requests/s after each stage."""
    figures = (
        TrialFigures(4.0, False, Estimate(value, value - 1, value + 1), Estimate(90.0), math.nan, 8.0, beyond)
        for value in values
    )
    return Trial(tuning.name(dict(changes)), changes, state, tuple(figures))  # type: ignore[arg-type]


def test_ranges_are_numbers_of_their_kind() -> None:
    whole = spec(
        space={
            INSTANCES: {"from": 1, "to": 4},
            SIZES: {"from": 1, "to": 64, "log": True},
            "workload.timeout": {"from": 10, "to": 60, "step": 25},
            "targets.threshold": {"from": 0.5, "to": 0.95},
        }
    )
    asked = whole.tune
    assert asked is not None
    ranges = {place: each for place, each in asked.space.items() if isinstance(each, Range)}
    assert [ranges[INSTANCES].at(number) for number in range(4)] == [1, 2, 3, 4]
    assert ranges["workload.timeout"].samples == (10, 35, 60)
    assert ranges["targets.threshold"].count is None
    assert ranges[SIZES].samples == (1, 33, 64)
    assert asked.combinations is None
    for number in range(12):
        changes = choose(asked, None, [tried(asked, {}, 1.0)] * number)
        assert changes is not None
        assert changes[INSTANCES] in (1, 2, 3, 4)
        assert isinstance(changes[SIZES], int)
        assert 1 <= changes[SIZES] <= 64
        assert changes["workload.timeout"] in (10, 35, 60)
        assert 0.5 <= changes["targets.threshold"] <= 0.95
        assert len(f"{changes['targets.threshold']}") <= 5, "three digits"
        whole.trial(changes)


def test_a_range_may_be_of_any_size() -> None:
    """Bytes of memory, and seeds, are numbers of which nobody wants a list."""
    asked = space(
        space={
            "endpoint.memory": {"from": 3 * 10**8, "to": 4 * 10**12},
            "workload.seed": {"from": 0, "to": 10**12},
        }
    )
    assert asked.combinations == (4 * 10**12 - 3 * 10**8 + 1) * (10**12 + 1)
    assert not asked.all_are_tried
    assert asked.has({"endpoint.memory": 3 * 10**9, "workload.seed": 7})
    assert not asked.has({"endpoint.memory": 3, "workload.seed": 7})
    changes = choose(asked, None, [])
    assert changes is not None
    assert asked.has(changes)
    every_tenth = Range.model_validate({"from": 0.0, "to": 1.0, "step": 0.1})
    assert 0.3 in every_tenth
    assert 0.35 not in every_tenth
    assert every_tenth.count == 11


def test_the_same_values_are_one_trial_in_whatever_order() -> None:
    asked = space(space={SIZES: [1, 8], INSTANCES: [1, 2]}, trials=4)
    seen = [tried(asked, {INSTANCES: count, SIZES: size}, 1.0) for size in (1, 8) for count in (1, 2)]
    assert choose(asked, {SIZES: 8, INSTANCES: 1}, seen) is None
    assert make_record(asked, {SIZES: 8, INSTANCES: 1}, seen).baseline == seen[2].name
    below = space(space={"workload.timeout": [1, 2], "endpoint.environment.X": {"from": -2, "to": 2}}, trials=10)
    names = {below.name(changes) for changes in below.every()}
    assert len(names) == 10, "those below zero have names of their own"


def test_trials_are_called_as_a_grid_calls_them() -> None:
    asked = spec(space={"platforms.0.kind": ["pt", "onnx"], SIZES: [1, 8], INSTANCES: [1, 2]})
    changes = {"platforms.0.kind": "pt", SIZES: 8, INSTANCES: 2}
    ((variant, whole),) = asked.trial(changes).varied()
    grid = {"platforms.0.kind": ["pt"], SIZES: [8], INSTANCES: [2]}
    assert variant is not None
    assert variant == read_spec(BASE | {"grid": grid}, "test").varied()[0][0]
    assert variant.name == "pt.mbs8.instances2"
    assert (whole.platforms[0].kind, whole.platforms[0].instances, whole.tune) == ("pt", 2, None)
    long = space(space={"workload.payload.file": [f"{'a' * 70}{number}" for number in (1, 2)]})
    names = {long.name({"workload.payload.file": f"{'a' * 70}{number}"}) for number in (1, 2)}
    assert len(names) == 2
    assert all(len(name) <= 60 for name in names)


def test_a_small_space_is_tried_whole_the_spec_as_it_is_first() -> None:
    asked = space(space={SIZES: [1, 8, 32], INSTANCES: [1, 2]}, trials=6)
    base, seen = {SIZES: 8, INSTANCES: 1}, list[Trial]()
    while (changes := choose(asked, base, seen)) is not None:
        seen.append(tried(asked, changes, 10.0))
    assert [dict(trial.changes) for trial in seen[:1]] == [base]
    assert len({trial.name for trial in seen}) == len(seen) == 6
    again = space(space={SIZES: [1, 8, 32], INSTANCES: [1, 2]}, trials=6, seed=1)
    assert choose(again, {}, []) != choose(asked, None, []), "in an order of chance"


def test_what_was_tried_says_where_to_look() -> None:
    """On recorded results: 30 combinations of platform, largest batch and instances, of which half are tried."""
    places = ["platforms.0.kind", SIZES, INSTANCES]
    recorded = RECORDED.rename(columns=dict(zip(("kind", "max_batch_size", "instances"), places, strict=True)))
    value = recorded.set_index(places)["capacity_throughput"]
    choices = {place: sorted(recorded[place].unique().tolist()) for place in places}
    found = 0
    for seed in range(20):
        asked = space(space=choices, trials=15, goal="throughput", seed=1000 * seed)
        seen: list[Trial] = []
        while len(seen) < asked.trials:
            changes = choose(asked, None, seen)
            assert changes is not None
            seen.append(tried(asked, changes, float(value[tuple(changes[place] for place in places)])))
        assert len({trial.name for trial in seen}) == 15, "nothing twice"
        found += max(trial.value("throughput").value for trial in seen) == value.max()
    assert found >= 18, "by chance it would be 10"


def test_a_trial_that_is_worse_than_most_is_ended_but_not_by_its_first_stage() -> None:
    asked = space(space={SIZES: {"from": 1, "to": 64}})
    others = [tried(asked, {SIZES: size}, 10.0, 20.0, 30.0) for size in (1, 2, 3, 4)]

    def hopeless(*values: float, beyond: float = 0.0, among: Sequence[Trial] = others) -> bool:
        return is_hopeless(asked, among, tried(asked, {SIZES: 9}, *values, beyond=beyond).by_stage)

    assert not hopeless(1.0)
    assert hopeless(1.0, 12.0)
    assert not hopeless(1.0, 22.0)
    assert not hopeless(1.0, 19.5), "which may be chance"
    assert not hopeless(1.0, 12.0, among=others[:3]), "too few to compare with"
    faster = [tried(asked, {SIZES: size}, 1000.0, 2000.0, 3000.0, beyond=10.0) for size in (1, 2, 3, 4)]
    assert not hopeless(1.0, 12.0, among=faster), "they hold no objective"
    assert not hopeless(1.0, 12.0, beyond=0.5), "nor does this one, until now"
    late = [
        replace(other, by_stage=(other.by_stage[0]._replace(beyond=0.5), *other.by_stage[1:])) for other in others
    ]
    assert not hopeless(1.0, 22.0, among=late), "a stage that holds nothing moves no other one into its place"
    assert hopeless(1.0, 12.0, among=late)


def test_what_mattered() -> None:
    asked = space(space={SIZES: [1, 8, 32], INSTANCES: [1, 2]})
    seen = [
        tried(asked, {SIZES: size, INSTANCES: count}, 100.0 * count + size)
        for size in (1, 8, 32)
        for count in (1, 2)
    ]
    weights = weigh(asked, seen)
    assert list(weights) == [INSTANCES, SIZES]
    assert sum(weights.values()) == pytest.approx(1)
    assert weights[INSTANCES] > 0.8
    assert weigh(asked, seen[:4]) == {}
    assert weigh(asked, [tried(asked, trial.changes, 5.0) for trial in seen]) == {}


def test_a_budget_has_no_trial_begun_that_would_go_over_it() -> None:
    now = [0.0]
    budget = Budget(space(trials=5, time="100s", dollars=1.0), lambda: now[0])
    assert budget.used_up(0, None) is None
    budget.begin_trial()
    now[0] = 45
    assert budget.used_up(1, 0.2) is None
    budget.begin_trial()
    now[0] = 70
    assert budget.used_up(2, 0.4) == "1 min 10 s of tune.time 1 min 40 s, too few for another"
    now[0] = 50
    assert budget.used_up(2, 0.7) == "$0.70 of tune.dollars $1.00, too little for another"
    assert budget.used_up(5, 0.1) == "as many as tune.trials says, 5"


def test_the_record_says_what_is_best_and_whether_that_may_be_chance(tmp_path: Path) -> None:
    whole = spec()
    asked, values = space(), {1: 50.0, 8: 49.5, 32: 20.0}
    seen = [tried(asked, {SIZES: size}, value) for size, value in values.items()]
    seen.append(Trial("broken", {SIZES: 5}, "failed", reason="no room"))
    record = make_record(asked, {SIZES: 8}, seen)
    assert [(trial.rank, trial.tied) for trial in record.trials] == [
        (1, False),
        (2, True),
        (3, False),
        (None, False),
    ]
    assert describe_tuning(record) == (
        f"Best throughput: 50 requests/s with {SIZES}: 1.",
        "Not shown to be worse: mbs8.",
        "Each was measured once; what differs from run to run is in no interval: repeats: 3 tells.",
        "The spec as it is has 49.5 requests/s: that is +1%, which may be chance.",
        "4 trials of 3 combinations (1 failed).",
    )
    lines = 'parameters { key: "a" value { string_value: "b" } }\noptimization { graph { level: 1 } }\n'
    several = spec(space={"platforms.0.config": [lines, ""]})
    assert several.tune is not None
    path = write_best(
        several,
        make_record(several.tune, None, [tried(several.tune, {"platforms.0.config": lines}, 1.0)]),
        tmp_path,
    )
    assert path is not None
    assert load_spec(path).platforms[0].config == lines, "what was changed is said in a comment of as many lines"
    path = write_best(whole, record, tmp_path)
    assert path is not None
    best = load_spec(path)
    assert best == whole.trial({SIZES: 1}).varied()[0][1]
    assert best.platforms[0].max_batch_size == 1
    missed = make_record(asked, None, [tried(asked, {SIZES: 1})])
    assert write_best(whole, missed, tmp_path) is None
    assert not path.exists(), "it was of another tuning"


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        (
            {"space": {"platforms.0.max_batch": [1, 2]}},
            "platforms.0.max_batch: unknown key; .* did you mean max_batch_size",
        ),
        (
            {"space": {SIZES: [1, "many"]}},
            "tune.space: platforms.0.max_batch_size: got 'many'; allowed: a whole number",
        ),
        ({"space": {SIZES: {"from": 8, "to": 1}}}, "got from 8 to 1; allowed: upwards; swap them"),
        ({"space": {SIZES: {"from": 0, "to": 8, "log": True}}}, "got log from 0; allowed: above 0"),
        (
            {"space": {SIZES: {"from": 1, "to": 8, "log": True, "step": 2}}},
            "got both log and step; give one of them",
        ),
        ({"space": {SIZES: {"from": 1, "to": 2000}}}, "tune.space: platforms.0.max_batch_size: got 2000; allowed"),
        ({"space": {}}, "tune.space: got an empty mapping"),
        (
            {"space": {SIZES: [8]}},
            "tune.space.platforms.0.max_batch_size: got a list; allowed: a list of 2 or more",
        ),
        ({"space": {SIZES: [8, 8]}}, "got two choices that are called 8; allowed: each once"),
        (
            {"space": {"objectives.p99": ["1s", "2s"]}},
            "got a change of objectives, which all variants have in common",
        ),
        (
            {"space": {"platforms": ["pt", ["pt", "onnx"]]}},
            "tune: got 2 runs a trial; allowed: one; leave one platform",
        ),
        ({"goal": "fastest"}, "tune.goal: got 'fastest'; allowed: 'throughput', 'capacity'"),
        ({"trials": 0}, "tune.trials: got 0; allowed: a whole number from 1 to 1000"),
        (
            {"goal": "cost"},
            "tune.goal: got cost: nobody bills this endpoint; leave it out, or say what an hour costs",
        ),
        ({"dollars": 3}, "tune.dollars: nobody bills this endpoint"),
        ({"space": {"model.name": ["resnet18", "resnet50"]}}, "got the models resnet18 and resnet50"),
    ],
)
def test_what_cannot_be_tuned_is_refused_in_words(tuning: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        check_tuning(spec(**tuning))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variants": {"a": {SIZES: 1}}}, "got tune beside variants or grid; give one of them"),
        ({"tune": None}, "tune: missing; write which fields may be changed"),
        (
            {
                "workload": {"profile": [{"rate": 2, "duration": "10s"}], "arrivals": {"kind": "poisson"}},
                "objectives": {"p99": "1s"},
            },
            "objectives: no trial could meet them, as none could be judged: stage 1: 16 requests",
        ),
        (
            {
                "workload": {"profile": {"search": {"duration": "5s"}}},
                "objectives": {"p99": "1s"},
                "tune": {"space": {SIZES: [1, 8]}, "goal": "p99"},
            },
            "tune.goal: got p99, and a search, which ends at another load in each trial",
        ),
        (
            {"tune": {"space": {"workload.profile.stages.0.users": [1, 12]}, "goal": "p99"}},
            "tune.goal: got p99, and a space that changes the largest load, by which it is judged",
        ),
        (
            {"tune": {"space": {INSTANCES: {"from": 1.0, "to": 4.0}}}},
            "tune.space: platforms.0.instances: got 2.5; allowed: a whole number",
        ),
    ],
)
def test_nor_what_nothing_could_come_of(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        check_tuning(read_spec(BASE | {"tune": {"space": {SIZES: [1, 8]}}} | change, "test"))


@pytest.mark.parametrize(
    ("state", "beyond", "sentence"),
    [
        ("failed", 0.0, "The spec as it is failed: no room."),
        ("ended early", 0.0, "The spec as it is was no room."),
        ("measured", 1.0, "The spec as it is holds no load within the objectives."),
    ],
)
def test_of_the_spec_as_it_is_it_says_what_is_known(state: str, beyond: float, sentence: str) -> None:
    asked = space()
    as_it_is = replace(tried(asked, {SIZES: 8}, 90.0, state=state, beyond=beyond), reason="no room")
    assert sentence in describe_tuning(make_record(asked, {SIZES: 8}, [as_it_is, tried(asked, {SIZES: 1}, 50.0)]))


def test_what_nobody_knows_is_no_miss() -> None:
    asked = space(goal="p99")
    unknown = tried(asked, {SIZES: 1}, 50.0)
    unknown = replace(unknown, by_stage=tuple(each._replace(p99_ms=Estimate()) for each in unknown.by_stage))
    assert (
        describe_tuning(make_record(asked, None, [unknown]))[0]
        == "No trial says what its p99 is: its requests are too few."
    )


def test_run_says_who_tunes(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(BASE | {"tune": {"space": {SIZES: [1, 8]}}}))
    result = CliRunner().invoke(cli, ["run", str(path), "--results", str(tmp_path / "results")])
    assert isinstance(result.exception, BadInputError)
    assert str(result.exception).startswith("tune: is for mmebench tune")
    result = CliRunner().invoke(cli, ["check", str(path)])
    assert "mmebench tune tries up to 2 of 2 combinations, each a run like that" in result.output


def tiny(folder: Path) -> dict[str, Any]:
    """A benchmark that is over in seconds."""
    (folder / "tiny.onnx").write_bytes(onnx_bytes(1.0))
    return {
        "model": file_model(folder / "tiny.onnx"),
        "platforms": "onnx",
        "endpoint": {"kind": "local", "container": "python", "memory": "1GiB", "price": 0.5},
        "targets": 1,
        "workload": {
            "arrivals": {"kind": "closed", "think_time": "10ms"},
            "profile": [{"users": 1, "duration": "1s"}, {"users": 2, "duration": "1s"}],
        },
        "tune": {
            "space": {"workload.arrivals.think_time": ["10ms", "30ms", "200ms"]},
            "trials": 2,
            "goal": "cost",
        },
    }


class Teller(Watcher):
    """Notes what it is told of trials."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def trying(self, which: str, changes: str) -> None:
        """Noted."""
        self.lines.append(f"{which}: {changes}")


@pytest.mark.slow
def test_a_tuning_is_runs_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """Users who think least are cheapest, which no noise of a machine changes."""
    fields, results, teller = tiny(tmp_path), tmp_path / "results", Teller()
    tuned = tune(read_spec(fields, "test"), results, teller)
    assert tuned.problems == ()
    assert tuned.ended_by == "as many as tune.trials says, 2"
    assert teller.lines[0] == "trial 1 of 2: workload.arrivals.think_time: 10ms", "as it is"
    runs = {files.platform: read_run(files.run) for files in find_runs(tuned.directory)}
    assert len(runs) == 2
    assert all(run.complete for run in runs.values())
    before = {name: run.finished_at for name, run in runs.items()}

    fields["tune"]["trials"] = 3
    teller = Teller()
    tuned = tune(read_spec(fields, "test"), results, teller)
    assert [line.partition(":")[0] for line in teller.lines] == ["trial 3 of 3"]
    runs = {files.platform: read_run(files.run) for files in find_runs(tuned.directory)}
    assert {name: runs[name].finished_at for name in before} == before
    assert tuned.record.best is not None
    assert tuned.record.best.changes == {"workload.arrivals.think_time": "10ms"}
    assert tuned.record.baseline == tuned.record.best.name
    assert tuned.record.combinations == len(tuned.record.trials) == 3
    assert find_tuning(tuned.directory) == tuned.record
    table = pd.read_csv(tuned.directory / "tuning.csv")
    assert sorted(table["workload.arrivals.think_time"]) == ["10ms", "200ms", "30ms"]
    assert table["usd_per_million"].notna().all()
    page = (tuned.directory / "report.html").read_text(encoding="utf-8")
    assert "Best cost: " in page
    assert "That is the spec as it is." in page
    assert (tuned.directory / "tuning.png").stat().st_size > 10_000
    assert tuned.best == tuned.directory / "best.yaml"
    best = load_spec(tuned.best)
    assert best.tune is None
    assert best.endpoint.kind == "local"

    result = CliRunner().invoke(
        cli, ["tune", str(_written(fields, tmp_path)), "--results", str(results), "--json", "--quiet"]
    )
    told = json.loads(result.stdout)
    assert told["exit_code"] == 0
    assert [trial["state"] for trial in told["trials"]] == ["measured"] * 3
    assert told["lines"][-1] == "No further trial: as many as tune.trials says, 3."


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_a_trial_whose_repeats_are_missing_is_gone_on_with(tmp_path: Path) -> None:
    """As where the machine died between two repeats, or where more are asked for."""
    fields, results = tiny(tmp_path) | {"repeats": 2}, tmp_path / "results"
    fields["tune"] = {"space": {"workload.arrivals.think_time": ["10ms", "200ms"]}, "goal": "cost"}
    tuned = tune(read_spec(fields, "test"), results, Watcher())
    for files in find_runs(tuned.directory / "repeat-2"):
        files.run.unlink()
        if "10ms" in files.platform:
            files.samples.unlink()
    again = Teller()
    tuned = tune(read_spec(fields, "test"), results, again)
    assert len(again.lines) == 2, "both lack a repeat"
    assert tuned.problems == ()
    assert {trial.state for trial in tuned.record.trials} == {"measured"}
    assert tuned.record.best is not None
    assert tuned.record.best.changes == {"workload.arrivals.think_time": "10ms"}
    with claim(results), pytest.raises(BadInputError, match="writes its results there"):
        tune(read_spec(fields, "test"), results, again)


def _written(fields: dict[str, Any], folder: Path) -> Path:
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(fields))
    return path


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_a_trial_that_misses_the_objectives_is_ended_and_is_no_choice(tmp_path: Path) -> None:
    fields = tiny(tmp_path) | {"objectives": {"p50": "0.001ms"}}
    tuned = tune(read_spec(fields, "test"), tmp_path / "results", Watcher())
    assert tuned.best is None
    assert {trial.state for trial in tuned.record.trials} == {"ended early"}
    why = "ended after 1 of 2 stages: it misses the objectives, and later stages have a larger load"
    assert {trial.reason for trial in tuned.record.trials} == {why}
    (first, *_) = find_runs(tuned.directory)
    run = read_run(first.run)
    assert (run.complete, run.ended_early, len(run.stages)) == (False, EndedEarly(reason=why, goal="cost"), 1)
    assert why in (tuned.directory / "report.html").read_text(encoding="utf-8")
    assert describe_tuning(tuned.record)[0].startswith("No trial holds a load within the objectives")
    again = Teller()
    tune(read_spec(fields, "test"), tmp_path / "results", again)
    assert again.lines == [], "they are known"
    fields["objectives"] = {"p50": "10s"}
    tuned = tune(read_spec(fields, "test"), tmp_path / "results", again)
    assert len(again.lines) == 2, "but not for other objectives"
    assert {trial.state for trial in tuned.record.trials} == {"measured"}
    fields["tune"]["space"] = {"workload.arrivals.think_time": ["500ms", "700ms"]}
    assert read_trials(read_spec(fields, "test"), tmp_path / "results", again).trials == (), "none of this space"


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_where_the_first_trials_fail_the_others_are_spared(tmp_path: Path) -> None:
    fields = tiny(tmp_path)
    fields["endpoint"]["memory"] = "1MiB"
    fields["tune"] = {"space": {"workload.arrivals.think_time": ["1ms", "2ms", "3ms", "4ms", "5ms"]}}
    teller = Teller()
    with pytest.raises(MmebenchError, match="memory"):
        tune(read_spec(fields, "test"), tmp_path / "results", teller)
    assert len(teller.lines) == 3
