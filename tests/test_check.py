"""``mmebench check``: the plan of a run, and that nothing is started for it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from mmebench.cli import cli
from mmebench.errors import BadInputError

LOCAL = {
    "model": {"source": "timm", "name": "resnet18"},
    "platforms": ["pt", "onnx"],
    "endpoint": {"kind": "local", "memory": "1GiB"},
    "workload": {"profile": {"stages": [{"users": 1, "duration": 15}, {"users": 4, "duration": 45}]}},
}
SAGEMAKER = LOCAL | {
    "endpoint": {
        "kind": "sagemaker",
        "instance_types": ["ml.g5.xlarge", "ml.g4dn.xlarge"],
        "region": "us-east-1",
        "role": "arn:aws:iam::123456789012:role/mmebench",
        "bucket": "my-archives",
        "prices": {"ml.g5.xlarge": 1.5, "ml.g4dn.xlarge": 0.75},
    }
}


def check(folder: Path, spec: dict[str, Any], *flags: str) -> Result:
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec))
    return CliRunner().invoke(cli, ["check", str(path), *flags], standalone_mode=False)


def test_the_plan_of_a_run_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiments = [{"kind": "cold_starts"}, {"kind": "interference", "duration": "60s"}]
    result = check(tmp_path, LOCAL | {"experiments": experiments})
    assert result.return_value == 0, result.exception
    assert result.output.splitlines()[1:] == [
        "  pt",
        "  onnx",
        "each: 2 stages, 1 min 00 s",
        "      Cold starts, for as long as it takes",
        "      Interference, 2 min 10 s",
        "2 runs, at least 6 min 20 s of load; packaging, creating and filling endpoints come on top",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"], "nothing is made"


def test_the_plan_of_a_fleet(tmp_path: Path) -> None:
    member = {"model": LOCAL["model"], "platform": "onnx"}
    models = {
        "photos": member | {"targets": {"share": 3}, "requests": 7},
        "films": member | {"targets": {"share": 1}, "requests": 2},
        "logos": member | {"targets": 1, "requests": 1},
    }
    result = check(tmp_path, {"name": "shop", "models": models, "workload": LOCAL["workload"]})
    assert result.return_value == 0, result.exception
    assert result.output.splitlines()[1:5] == [
        "  shop",
        "    films: resnet18 as onnx, 25% of what fits, 20% of the requests",
        "    logos: resnet18 as onnx, 1 target, 10% of the requests",
        "    photos: resnet18 as onnx, 75% of what fits, 70% of the requests",
    ]
    many = {f"m{number}": member for number in range(67)}
    assert "    and 47 more models" in check(tmp_path, {"models": many}).output.splitlines()


def test_what_it_costs_on_sagemaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a call to AWS, where the spec says it all."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    said = json.loads(check(tmp_path, SAGEMAKER, "--json").output)
    assert [label for label, *_ in said["runs"]] == [
        "pt on ml.g5.xlarge",
        "onnx on ml.g5.xlarge",
        "pt on ml.g4dn.xlarge",
        "onnx on ml.g4dn.xlarge",
    ]
    assert said["seconds"] == 240
    assert said["usd"] == pytest.approx(2 * (1.5 + 0.75) / 60)
    shown = check(tmp_path, SAGEMAKER).output
    assert "  pt on ml.g5.xlarge, $1.5 an hour" in shown
    assert "4 runs, 4 min 00 s of load, $0.07;" in shown


def test_doubts_are_told(tmp_path: Path) -> None:
    slow = {"arrivals": {"kind": "poisson"}, "profile": {"stages": [{"rate": 0.5, "duration": "30s"}]}}
    shown = check(tmp_path, LOCAL | {"workload": slow, "objectives": {"p99": "200ms"}}).output
    assert "stage 1: 12 requests" in shown
    searched = LOCAL | {"workload": {"profile": {"search": {}}}, "objectives": {"p99": "200ms"}}
    shown = check(tmp_path, searched).output
    assert "each: as many stages as it takes to find what is asked for" in shown
    assert "2 runs, as long as the search takes; packaging," in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workload": {"payload": {"image": "missing.png"}}}, "missing.png"),
        ({"endpoint": {"kind": "local", "memory": "900TiB"}}, "memory"),
        ({"model": {"source": "file", "path": "missing.onnx"} | {"inputs": [], "outputs": []}}, "inputs"),
        ({"endpoint": SAGEMAKER["endpoint"] | {"budget": 0.5}}, "budget"),  # type: ignore[operator]
    ],
)
def test_what_a_run_would_refuse_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    error = check(tmp_path, LOCAL | changes).exception
    assert isinstance(error, BadInputError)
    assert words in str(error)
