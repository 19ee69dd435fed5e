from pathlib import Path
from typing import Any

import pytest
import yaml

from mmebench.errors import BadInputError
from mmebench.spec import LocalEndpoint
from mmebench.spec.changing import value_at
from mmebench.spec.reading import load_spec

MINIMAL: dict[str, Any] = {"model": {"source": "timm", "name": "resnet18"}, "platforms": ["pt"]}


def write(tmp_path: Path, spec: object) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(spec if isinstance(spec, str) else yaml.safe_dump(spec), encoding="utf-8")
    return path


def test_the_examples_are_valid() -> None:
    examples = sorted(Path(__file__).parents[1].glob("examples/*.yaml"))
    assert examples
    for example in examples:
        load_spec(example)


def test_defaults_are_the_stages_users_know(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, MINIMAL))
    assert [stage.users for stage in spec.workload.profile.stages] == list(range(20, 201, 20))
    assert spec.workload.profile.stages[0].warmup_seconds == pytest.approx(6)
    assert spec.targets.count == "capacity"
    assert spec.workload.payload.encoding == "binary"


SHORT: dict[str, Any] = {
    "platforms": "pt",
    "endpoint": "local",
    "targets": 5,
    "workload": {"popularity": "zipf", "profile": "auto"},
    "experiments": "cold_starts",
}


@pytest.mark.parametrize(
    ("place", "written", "value"),
    [
        ("endpoint.memory", "4GiB", 4 * 2**30),
        ("platforms.0.max_batch_size", "3", 3),
        ("workload.popularity.s", "1.2", 1.2),
        ("workload.profile.auto.longest", "20", 20.0),
        ("experiments.0.count", "3", 3),
    ],
)
def test_what_is_written_short_can_be_changed_in_part(
    place: str, written: str, value: float, tmp_path: Path
) -> None:
    path = write(tmp_path, MINIMAL | SHORT)
    assert value_at(load_spec(path), place) != value
    assert value_at(load_spec(path, (f"{place}={written}",)), place) == value


def test_a_place_that_is_not_in_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL | SHORT)
    with pytest.raises(BadInputError, match=r"targets\.zipf: unknown key"):
        load_spec(path, ("targets.zipf=1",))
    with pytest.raises(
        BadInputError, match=r"--set experiments\.1\.count=3: .* there is no item 1; allowed: 0 to 0"
    ):
        load_spec(path, ("experiments.1.count=3",))


def test_a_place_in_a_spec_that_is_wrong_without_it(tmp_path: Path) -> None:
    with pytest.raises(
        BadInputError, match=r"--set endpoint\.memory=4GiB: the spec has no place endpoint\.memory"
    ):
        load_spec(write(tmp_path, {"endpoint": "local"}), ("endpoint.memory=4GiB",))


def test_the_same_platform_at_two_precisions(tmp_path: Path) -> None:
    both = {"platforms": ["onnx", {"kind": "onnx", "precision": "fp16"}]}
    spec = load_spec(write(tmp_path, MINIMAL | both))
    assert [platform.label for platform in spec.platforms] == ["onnx", "onnx-fp16"]


def test_sizes_durations_and_short_forms(tmp_path: Path) -> None:
    spec = load_spec(
        write(
            tmp_path,
            MINIMAL
            | {
                "platforms": ["pt", {"kind": "onnx", "precision": "fp16"}],
                "endpoint": {"kind": "local", "memory": "2GiB"},
                "workload": {"profile": {"stages": [{"users": 3, "duration": "2m", "warmup": "500ms"}]}},
            },
        )
    )
    assert isinstance(spec.endpoint, LocalEndpoint)
    assert spec.endpoint.memory == 2 * 1024**3
    assert [platform.kind for platform in spec.platforms] == ["pt", "onnx"]
    stage = spec.workload.profile.stages[0]
    assert (stage.duration, stage.warmup_seconds) == (120, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"foo": 1}, r"foo: unknown key; allowed: endpoint, experiments, fresh, grid, layout, model"),
        ({"endpoint": {"memory": True}}, r"endpoint\.memory: got True; write a size as 4GiB"),
        ({"endpoint": {"devices": [True]}}, r"endpoint\.devices\.0: got True"),
        ({"endpoint": {"memry": "2GiB"}}, r"endpoint\.memry: unknown key.*did you mean memory\?"),
        ({"endpoint": {"kind": "lokal"}}, r"endpoint: got 'lokal'; allowed: 'local', 'sagemaker'"),
        (
            {"model": {"source": "keras", "name": "x"}},
            r"model: got 'keras'; allowed: 'file', 'huggingface', .*; write e\.g\. source: timm",
        ),
        ({"model": {"name": "x"}}, r"model: needs 'source'"),
        ({"model": {"source": "timm"}}, r"model\.name: missing"),
        ({"model": {"source": "timm", "name": "a", "weight": "b"}}, r"model\.weight: unknown key.*mean weights\?"),
        ({"platforms": []}, r"platforms: got none; allowed: 1 or more of pt, pt2, onnx, .*; write e.g."),
        ({"platforms": ["pt", "pt"]}, r"platforms: got pt twice; allowed: each once"),
        (
            {"platforms": ["tflite"]},
            r"platforms: got 'tflite'; allowed: pt, pt2, onnx, openvino, trt, or for a ready",
        ),
        (
            {"platforms": [{"kind": "pt", "max_batch_size": 0, "dynamic_batching": {}}]},
            r"max_batch_size 0 leaves nothing to batch",
        ),
        (
            {"targets": {"count": 0}},
            r"targets\.count: got 0; allowed: a whole number from 1 to 100000 or 'capacity'",
        ),
        ({"targets": {"count": 3, "capacity": 1.5}}, r"got both count and capacity"),
        ({"workload": {"payload": {"batch": 9}}}, r"batch 9 goes over max_batch_size 8 of platform pt"),
        ({"workload": {"profile": {"stages": [{"users": 0}]}}}, r"stages\.0\.users: got 0"),
        ({"workload": {"profile": {"stages": [{"users": 1, "duration": "5x"}]}}}, r"duration: got '5x'; write"),
        ({"workload": {"profile": {"stages": [{"users": 1, "duration": 5, "warmup": 5}]}}}, r"leaves nothing"),
        ({"objectives": {"p99": "fast"}}, r"objectives\.p99: got 'fast'"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        load_spec(write(tmp_path, MINIMAL | change))


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        load_spec(write(tmp_path, MINIMAL | {"foo": 1, "targets": {"count": -1}}))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: [", "not valid YAML"),
        ("- a\n- b", "got a list; allowed: a mapping with model"),
        ("", "is empty; a spec has a model"),
    ],
)
def test_what_is_no_spec_at_all(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        load_spec(write(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="No such file"):
        load_spec(tmp_path / "none.yaml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xff\xfe\x00model")
    with pytest.raises(BadInputError, match="not a text file"):
        load_spec(path)


def test_set_changes_what_the_file_says(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    spec = load_spec(path, ("workload.payload.batch=4", "platforms.0=onnx", "endpoint.memory=1GiB"))
    assert isinstance(spec.endpoint, LocalEndpoint)
    assert (spec.workload.payload.batch, spec.platforms[0].kind, spec.endpoint.memory) == (4, "onnx", 1024**3)


@pytest.mark.parametrize(
    "override", ["batch", "=3", "platforms.7=pt", "platforms.x=pt", "model.name.x=1", "a=[", "a=1"]
)
def test_a_set_that_cannot_be(tmp_path: Path, override: str) -> None:
    with pytest.raises(BadInputError):
        load_spec(write(tmp_path, MINIMAL), (override,))


@pytest.mark.parametrize(
    ("workload", "message"),
    [
        ({"arrivals": {"kind": "burst"}}, r"arrivals: got 'burst'; allowed: 'closed', 'constant'"),
        ({"arrivals": {"kind": "poisson"}}, r"profile\.stages\.0: arrivals poisson need a rate"),
        (
            {"arrivals": {"kind": "closed", "think_time": {"between": ["1s", "50ms"]}}},
            r"arrivals\.think_time: got between 1 and 0\.05 s; write the shorter one first",
        ),
        ({"arrivals": {"kind": "closed", "think_time": -1}}, r"arrivals\.think_time: got -1; a duration is not"),
        ({"profile": {"stages": [{"rate": 5}]}}, r"profile\.stages\.0: arrivals closed need users and no rate"),
        ({"profile": {"stages": [{"users": 5, "rate": 5}]}}, r"arrivals closed need users and no rate"),
        ({"profile": {"stages": []}}, r"stages is empty; allowed: 1 or more"),
        ({"profile": {"stages": [{"users": 1}], "search": {}}}, r"got stages and search; give one of them"),
        ({"profile": {"search": {}}}, r"search needs objectives to meet"),
        ({"profile": {"search": {"from": 9, "limit": 5}}}, r"from 9 is over the limit 5"),
        ({"profile": {"ramp": {"from": 1, "to": 5}}}, r"give step or steps"),
        ({"profile": {"ramp": {"from": 1, "to": 5, "step": 1, "steps": 3}}}, r"give step or steps"),
        ({"profile": {"ramp": {"from": 1, "to": 5, "step": 1, "users": 3}}}, r"users of a ramp or search"),
        ({"profile": {"ramp": {"to": 5, "step": 1}}}, r"profile\.ramp\.from: missing"),
        ({"popularity": {"kind": "trace"}}, r"popularity trace needs arrivals trace"),
        ({"popularity": {"kind": "weights", "weights": [0, 0]}}, r"all weights are 0"),
        ({"popularity": {"kind": "weights", "weights": [1, -2]}}, r"popularity\.weights\.1: got -2"),
        ({"popularity": {"kind": "zipf", "s": -1}}, r"popularity\.s: got -1"),
        ({"arrivals": {"kind": "trace", "path": "t.csv"}, "profile": {"ramp": {"from": 1, "to": 2, "steps": 2}}},
         r"a trace needs profile\.stages"),
        ({"arrivals": {"kind": "trace", "path": "t.csv"}}, r"a trace needs profile\.stages"),
        ({"arrivals": {"kind": "trace", "path": "t.csv"}, "profile": {"stages": [{}], "stationary": {}}},
         r"stationary: a trace has its own course"),
        ({"arrivals": {"kind": "trace", "path": "t.csv"}, "profile": {"stages": [{"rate": 3}]}},
         r"a trace has its own times"),
        ({"payload": {"text": ["a"]}}, r"text and tokenizer go together"),
        ({"payload": {"image": "a.png", "file": "b"}}, r"got image and file; give one of them"),
        ({"payload": {"image": "a.png", "pool": 3}}, r"pool makes distinct requests"),
        ({"payload": {"content_type": "text/csv"}}, r"content_type is for a body from a file"),
        ({"headers": {"Authorization": "x"}}, r"got 'Authorization'; allowed: Accept and X-Amzn-SageMaker-"),
        ({"headers": {"X-Amzn-SageMaker-Target-Model": "x"}}, r"but for the target, which varies"),
        ({"headers": {"Accept": "a\r\nb: c"}}, r"workload\.headers\.Accept: got"),
        ({"timeout": 0}, r"workload\.timeout: got 0; this takes time"),
        ({"arrivals": {"kind": "constant"}, "processes": 3, "profile": {"stages": [{"rate": 9, "users": 2}]}},
         r"2 requests at once are too few for 3 client processes"),
        ({"arrivals": {"kind": "poisson"}, "workers": {"listen": "h:5557", "count": 300},
          "profile": {"ramp": {"from": 1, "to": 5, "steps": 2}}}, r"256 requests at once are too few for 300"),
        ({"profile": {"stages": [{"users": 1, "duration": 60}], "stationary": {"limit": 12}}},
         r"stationary\.limit of 12 s leaves nothing after 12 s of warm-up"),
        ({"workers": {"listen": "5557", "count": 2}}, r"workload\.workers\.listen: got '5557'"),
        ({"workers": {"listen": "h:5557", "count": 2}, "processes": 2}, r"got processes and workers"),
    ],
)  # fmt: skip
def test_a_workload_that_cannot_be(tmp_path: Path, workload: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        load_spec(write(tmp_path, MINIMAL | {"workload": workload}))


def test_a_trace_names_its_targets_unless_a_popularity_is_given(tmp_path: Path) -> None:
    arrivals = {"kind": "trace", "path": "t.csv"}
    traced = {"arrivals": arrivals, "profile": {"stages": [{"duration": "10s"}]}}
    for workload, kind in ((traced, "trace"), (traced | {"popularity": {"kind": "zipf"}}, "zipf")):
        spec = load_spec(write(tmp_path, MINIMAL | {"workload": workload}))
        assert spec.workload.popularity.kind == kind


def test_a_ramp_is_stages_in_equal_steps(tmp_path: Path) -> None:
    def loads(workload: dict[str, Any]) -> list[tuple[int | None, float | None]]:
        spec = load_spec(write(tmp_path, MINIMAL | {"workload": workload}))
        again = type(spec.workload).model_validate_json(spec.workload.model_dump_json())
        assert again == spec.workload, "a job file says the same"
        return [(stage.users, stage.rate) for stage in spec.workload.stages]

    ramp = {"from": 10, "to": 40, "step": 10, "duration": "5s"}
    assert loads({"profile": {"ramp": ramp}}) == [(10, None), (20, None), (30, None), (40, None)]
    assert loads({"profile": {"ramp": {"from": 1, "to": 3, "steps": 9}}}) == [(1, None), (2, None), (3, None)]
    falling = {"from": 5, "to": 4, "step": 0.5, "users": 9}
    rates = loads({"arrivals": {"kind": "constant"}, "profile": {"ramp": falling}})
    assert rates == [(9, 5.0), (9, 4.5), (9, 4.0)]
