"""What is refused before anything starts: no model is exported, no endpoint is opened, nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmebench.benchmark.preflight import refuse_early
from mmebench.benchmark.story import run_benchmark
from mmebench.errors import BadInputError
from mmebench.spec.reading import read_spec
from support.watching import Watcher

SPEC: dict[str, Any] = {"model": {"source": "timm", "name": "resnet18", "weights": "random"}, "platforms": "pt"}
TRACED = {"arrivals": {"kind": "trace", "path": "trace.csv"}, "profile": [{"duration": "5s"}]}
FILE = {
    "source": "file",
    "path": "model.onnx",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [100_000, 100_000]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [1]}],
}


def traced(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "trace.csv").write_text(text)


def nothing(folder: Path) -> None:
    """No file at all."""


REFUSED: dict[str, tuple[dict[str, Any], Callable[[Path], object], str]] = {
    "a trace that is not there": ({"workload": TRACED}, nothing, "trace.csv: No such file"),
    "a trace that is none": (
        {"workload": TRACED}, traced("when,what\n1,2\n"), "trace.csv, line 2: unknown column",
    ),
    "a trace of another model": (
        {"workload": TRACED, "targets": 3}, traced("timestamp,target\n0,resnet50-v1.tar.gz\n"),
        "line 2: target: got 'resnet50-v1.tar.gz'; allowed: resnet18-v0.tar.gz … resnet18-v2.tar.gz",
    ),
    "a trace of more targets than there will be": (
        {"workload": TRACED, "targets": 3}, traced("timestamp,target\n0,7\n"), "line 2: target: got '7'; allowed",
    ),
    "a trace of more targets than there can be": (
        {"workload": TRACED, "targets": {"limit": 5}}, traced("timestamp,target\n0,7\n"), "or 0 to 4",
    ),
    "a body of a trace that is not there": (
        {"workload": TRACED}, traced("timestamp,target,payload\n0,0,nowhere\n"), "nowhere: No such file",
    ),
    "an image that is not there": (
        {"workload": {"payload": {"image": "cat.jpg"}}}, nothing, "payload.image: cat.jpg: No such file",
    ),
    "an image that is none": (
        {"workload": {"payload": {"image": "cat.jpg"}}}, lambda folder: (folder / "cat.jpg").write_text("meow"),
        "payload.image: cat.jpg: not a picture.*; give a JPEG or PNG",
    ),
    "a body that is not there": (
        {"workload": {"payload": {"file": "body.bin"}}}, nothing, "body.bin: No such file.*; give the file",
    ),
    "a body that is too large": (
        {"workload": {"payload": {"file": "body.bin"}}},
        lambda folder: (folder / "body.bin").write_bytes(bytes(26 * 1024 * 1024)),
        "workload.payload: got 26 MiB a request; allowed: 25 MiB",
    ),
    "a tokenizer that is not there": (
        {"workload": {"payload": {"text": "hello", "tokenizer": "here"}}}, nothing, "here: no such file",
    ),
    "a hot set that is larger than the targets": (
        {"workload": {"popularity": {"kind": "hot", "targets": 9}}, "targets": 8}, nothing,
        "popularity.targets: got 9; allowed: up to 8",
    ),
    "a hot set that is larger than there can be targets": (
        {"workload": {"popularity": {"kind": "hot", "targets": 9}}, "targets": {"limit": 8}}, nothing,
        "popularity.targets: got 9; allowed: up to 8",
    ),
    "weights of other targets": (
        {"workload": {"popularity": {"kind": "weights", "weights": {"resnet50-v0.tar.gz": 1}}}}, nothing,
        "popularity.weights: no target 'resnet50-v0.tar.gz'; targets are resnet18-v0.tar.gz",
    ),
    "fewer weights than targets": (
        {"workload": {"popularity": {"kind": "weights", "weights": [1, 2]}}, "targets": 3}, nothing,
        "popularity.weights: got 2 for 3 targets",
    ),
    "more weights than there can be targets": (
        {"workload": {"popularity": {"kind": "weights", "weights": [1, 2]}}, "targets": {"limit": 1}}, nothing,
        "popularity.weights: got 2 for 1 targets",
    ),
    "more memory than there is": (
        {"endpoint": {"memory": "900TiB"}}, nothing, "memory: got 900 TiB; .* has .*: give at most that",
    ),
    "more of the host's memory than there is": (
        {"endpoint": {"host_memory": "900TiB"}}, nothing, "host_memory: got 900 TiB; this machine has",
    ),
    "more disk than there is": (
        {"endpoint": {"disk": "900TiB"}}, nothing, "disk: got 900 TiB; the disk of .* has",
    ),
    "bodies that no memory holds": (
        {"model": FILE, "workload": {"payload": {"batch": 8, "pool": 10_000}}},
        lambda folder: (folder / "model.onnx").write_bytes(b""),
        "workload.payload: got 10000 bodies of .*; allowed: together less than",
    ),
    "a model file that is not there": ({"model": FILE}, nothing, "model.path: no file model.onnx"),
    "a model file of a form that nothing serves": (
        {"model": FILE | {"path": "model.keras"}}, nothing, "got model.keras; allowed: a name that ends in .pt",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_before_anything_starts(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change, prepare, said = REFUSED[what]
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    before = sorted(tmp_path.iterdir())

    def exported(*arguments: object, **named: object) -> None:
        raise AssertionError("a model is exported")

    monkeypatch.setattr("mmebench.benchmark.parts.package_model", exported)
    with pytest.raises(BadInputError, match=said):
        run_benchmark(read_spec(SPEC | change, "spec"), tmp_path / "results", Watcher())
    left = [path for path in sorted(tmp_path.iterdir()) if path not in before]
    assert all(path.is_dir() and not any(path.iterdir()) for path in left)


def test_a_trace_of_the_targets_that_there_can_be_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the largest multiple of what fits, too."""
    monkeypatch.chdir(tmp_path)
    traced("timestamp,target\n0,resnet18-v7.tar.gz\n1,3\n")(tmp_path)
    spec = read_spec(SPEC | {"workload": TRACED, "targets": {"limit": 4, "capacity": 2}}, "spec")
    refuse_early(spec)
