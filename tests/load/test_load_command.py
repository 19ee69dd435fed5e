import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.errors import BadInputError
from mmebench.record.run import read_run
from mmebench.record.samples import read_samples
from mmebench.spec.changing import value_at
from mmebench.spec.reading import load_spec, read_load_spec
from support.scripted_server import OK, ScriptedServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]

ENDPOINT: dict[str, Any] = {
    "kind": "existing",
    "name": "ours",
    "targets": {"pattern": "m-v{}.tar.gz", "count": 3},
    "instance_type": "ml.g5.xlarge",
}
MODEL = {"name": "tiny", "platform": "onnx", "inputs": [{"name": "x", "datatype": "FP32", "shape": [4]}]}
WORKLOAD = {"profile": {"stages": [{"users": 2, "duration": 3}]}}
SPEC = {"endpoint": ENDPOINT, "model": MODEL, "workload": WORKLOAD}


def write(path: Path, spec: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(spec))
    return path


def test_an_endpoint_that_runs_is_loaded(tmp_path: Path) -> None:
    results = tmp_path / "results"
    with ScriptedServer(lambda n: (0.02, OK)) as server:
        endpoint = ENDPOINT | {"url": f"http://127.0.0.1:{server.port}/"}
        path = write(tmp_path / "spec.yaml", SPEC | {"endpoint": endpoint, "objectives": {"p99": "500ms"}})
        result = CliRunner().invoke(cli, ["load", str(path), "--results", str(results)], standalone_mode=False)
        assert result.exception is None, result.output
        assert result.return_value == 0
        requests = len(server.requests)
        assert server.requests[0].startswith(b"POST /endpoints/ours/invocations HTTP/1.1\r\n")
    prefix = results / "tiny" / "ml.g5.xlarge*onnx*3"
    run = read_run(Path(f"{prefix}_run.json"))
    assert run.complete
    assert [stage.users for stage in run.stages] == [2]
    samples = read_samples(Path(f"{prefix}_samples.parquet"))
    assert len(samples) == requests
    assert set(samples["target"].to_pylist()) == {"m-v0.tar.gz", "m-v1.tar.gz", "m-v2.tar.gz"}
    assert Path(f"{prefix}_stats_history.csv").exists()
    assert (results / "tiny" / "summary_results.csv").exists()
    assert "tiny on ml.g5.xlarge" in result.output


@pytest.mark.parametrize(
    ("hosting", "paths", "names"),
    [
        ("components", {b"/endpoints/ours/invocations"}, {b"resnet-a", b"resnet-b"}),
        ("single", {b"/endpoints/resnet-a/invocations", b"/endpoints/resnet-b/invocations"}, set()),
    ],
)
def test_models_that_are_hosted_otherwise(
    tmp_path: Path, hosting: str, paths: set[bytes], names: set[bytes]
) -> None:
    results = tmp_path / "results"
    with ScriptedServer(lambda n: (0.02, OK)) as server:
        endpoint = ENDPOINT | {
            "url": f"http://127.0.0.1:{server.port}/",
            "hosting": hosting,
            "targets": ["resnet-a", "resnet-b"],
        }
        path = write(tmp_path / "spec.yaml", SPEC | {"endpoint": endpoint})
        result = CliRunner().invoke(cli, ["load", str(path), "--results", str(results)], standalone_mode=False)
        assert result.exception is None, result.output
        heads = [request.partition(b"\r\n\r\n")[0] for request in server.requests]
    assert {head.split()[1] for head in heads} == paths
    named = re.compile(rb"\r\nX-Amzn-SageMaker-Inference-Component: (.*)\r\n")
    assert {found[1] for head in heads if (found := named.search(head))} == names
    assert not any(b"Target-Model" in head for head in heads)
    samples = read_samples(results / "tiny" / f"ml.g5.xlarge-{hosting}*onnx*2_samples.parquet")
    assert set(samples["target"].to_pylist()) == {"resnet-a", "resnet-b"}


@pytest.mark.parametrize(
    ("platform", "precision", "label"), [("onnx", "fp16", "onnx-fp16"), ("python", "as given", "python")]
)
def test_a_packaged_model_and_a_missed_objective(
    platform: str, precision: str, label: str, tmp_path: Path
) -> None:
    record = {
        "model": "resnet18", "source": "timm", "task": "cv", "platform": platform, "precision": precision,
        "weights": "random", "parameters": 11, "inputs": MODEL["inputs"], "outputs": MODEL["inputs"],
        "max_batch_size": 4, "archive": "resnet18-onnx.tar.gz", "sha256": "0" * 64, "parity": None, "details": {},
    }  # fmt: skip
    package = tmp_path / "resnet18-onnx.json"
    package.write_text(json.dumps(record))
    with ScriptedServer(lambda n: (0.05, OK)) as server:
        spec = {
            "endpoint": ENDPOINT | {"url": f"http://127.0.0.1:{server.port}", "targets": ["only.tar.gz"]},
            "model": {"package": str(package)},
            "workload": {"profile": {"stages": [{"users": 2, "duration": 9}]}},
            "objectives": {"p99": "1ms"},
        }
        path = write(tmp_path / "spec.yaml", spec)
        arguments = [
            "load",
            str(path),
            "--results",
            str(tmp_path),
            "--set",
            "workload.profile.stages.0.duration=4",
        ]
        result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert result.exception is None, result.output
    assert result.return_value == 1
    run = read_run(tmp_path / "resnet18" / f"ml.g5.xlarge*{label}*1_run.json")
    assert (run.precision, run.targets, run.parameters) == ("fp16" if precision == "fp16" else "fp32", 1, 11)
    assert run.stages[0].end - run.stages[0].start == pytest.approx(4)


def test_what_a_load_has_in_short_can_be_changed_in_part(tmp_path: Path) -> None:
    path = write(tmp_path / "spec.yaml", SPEC | {"workload": WORKLOAD | {"popularity": "zipf"}})
    spec = read_load_spec(path, ("workload.popularity.s=1.7", "workload.timeout=9s"))
    assert value_at(spec, "workload.popularity.s") == 1.7
    assert spec.workload.timeout == 9


def test_run_says_that_an_existing_endpoint_is_for_load(tmp_path: Path) -> None:
    path = write(tmp_path / "spec.yaml", SPEC)
    with pytest.raises(BadInputError, match=r"runs already.*load it with `mmebench load .*spec\.yaml`"):
        load_spec(path)
    path = write(tmp_path / "run.yaml", {"model": {"source": "timm", "name": "x"}, "platforms": ["pt"]})
    with pytest.raises(BadInputError, match=r"needs an endpoint that runs already.*use `mmebench run "):
        read_load_spec(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"endpoint": ENDPOINT | {"targets": {"pattern": "m.tar.gz", "count": 2}}}, r"pattern: got 'm\.tar\.gz'"),
        ({"endpoint": ENDPOINT | {"targets": []}}, r"endpoint\.targets: got none"),
        ({"endpoint": ENDPOINT | {"targets": ["a b"]}}, r"endpoint\.targets\.0: got 'a b'"),
        ({"endpoint": ENDPOINT | {"url": "127.0.0.1:80"}}, r"endpoint\.url: got '127\.0\.0\.1:80'"),
        ({"endpoint": ENDPOINT | {"url": "http://key:secret@host"}}, r"endpoint\.url: got"),
        ({"endpoint": ENDPOINT | {"instance_type": "a*b"}}, r"endpoint\.instance_type: got 'a\*b'"),
        ({"model": {"name": "x"}}, r"model: needs package, or name and platform"),
        ({"model": {"name": "x", "platform": "onnx"}}, r"model\.inputs: missing; or give workload\.payload\.file"),
        ({"model": MODEL | {"package": "x.json"}}, r"got package and .*; the package says it already"),
        ({"workload": {"profile": {"search": {}}}}, r"search needs objectives"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read_load_spec(write(tmp_path / "spec.yaml", SPEC | change))
