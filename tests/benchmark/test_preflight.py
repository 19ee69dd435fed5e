"""What is refused before anything starts: no model is exported, no endpoint is opened, nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmebench.benchmark.kind import packages_of
from mmebench.benchmark.preflight import refuse_early, refuse_without_room
from mmebench.benchmark.story import run_benchmark
from mmebench.errors import BadInputError
from mmebench.spec.reading import read_spec
from support.disks import small_disk
from support.tiny_models import onnx_archive
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


PHOTOS: dict[str, Any] = {"model": SPEC["model"], "platform": "onnx"}
MEMBER: dict[str, Any] = {
    "model": FILE | {"inputs": [{"name": "x", "datatype": "FP32", "shape": [4]}]}, "platform": "onnx",
}  # fmt: skip


def archives(folder: Path) -> None:
    """One that is right, two that are not, and what is none."""
    (folder / "mine").mkdir()
    onnx_archive(folder / "mine" / "a.tar.gz", 1.0)
    (folder / "mine" / "b.tar.gz").write_bytes(b"no archive")
    (folder / "mine" / "c.tar.gz").write_bytes((folder / "mine" / "a.tar.gz").read_bytes()[:100])
    (folder / "mine" / "README").write_text("read me")


def archive(name: str) -> Callable[[Path], object]:
    def prepare(folder: Path) -> None:
        (folder / "mine").mkdir()
        onnx_archive(folder / "mine" / name, 1.0)

    return prepare


def picture(folder: Path) -> None:
    Image.new("RGB", (8, 8)).save(folder / "cat.png")
    (folder / "model.onnx").write_bytes(b"")


FROM: dict[str, Any] = {"models": {"from": "mine"}}
FLEETS: dict[str, tuple[dict[str, Any], Callable[[Path], object], str]] = {
    "a trace that names targets of no model": (
        {"models": {"photos": PHOTOS | {"targets": 2}, "more": PHOTOS | {"targets": 1}}, "workload": TRACED},
        traced("timestamp,target\n0,films-v0.tar.gz\n"),
        "line 2: target: got 'films-v0.tar.gz'; allowed: photos-v0.tar.gz … more.tar.gz",
    ),
    "models whose targets have one name": (
        {"models": {"photos": PHOTOS | {"targets": 2}, "photos-v1": PHOTOS | {"targets": 1}}}, nothing,
        r"models\.photos-v1: got a target photos-v1\.tar\.gz, which another model has, too; allowed",
    ),
    "a picture that is not there, of one model": (
        {"models": {"photos": PHOTOS | {"payload": {"image": "cat.png"}}, "more": PHOTOS}}, nothing,
        r"models\.photos: .*payload\.image: cat\.png: No such file",
    ),
    "a picture for a model of numbers": (
        {"models": {"photos": PHOTOS, "numbers": MEMBER | {"payload": {"image": "cat.png"}}}}, picture,
        r"models\.numbers: .*payload\.image: the model takes x FP32 \[4\]; a picture is",
    ),
    "a hot set that is larger than one model's targets": (
        {"models": {"photos": PHOTOS | {"targets": 2, "popularity": {"kind": "hot", "targets": 3}}}}, nothing,
        r"models\.photos: .*popularity\.targets: got 3; allowed: up to 2",
    ),
    "a folder with broken archives": (
        FROM, archives,
        r"models\.from: mine: 2 of 3 archives cannot be served; .*\n  models\.b: mine/b.*\n  models\.c: mine/c",
    ),
    "a folder that is a file": (
        FROM, lambda folder: (folder / "mine").write_bytes(b""), r"models\.from: mine: a file; give a folder",
    ),
    "a folder whose archive no target can be called after": (
        FROM, archive("my model.tar.gz"), r"models\.from: got 'my model\.tar\.gz'; allowed .*; rename it",
    ),
    "a mix of models that a folder has not": (
        FROM | {"experiments": {"kind": "mixes", "mixes": {"films": 1, "a": 1}}}, archive("a.tar.gz"),
        "experiments: mixes got 'films'; allowed: a; name one of them",
    ),
    "objectives of a model that a folder has not": (
        FROM | {"objectives": {"models": {"films": {"p99": "1s"}}}}, archive("a.tar.gz"),
        r"objectives\.models: got 'films'; allowed: a; name one of them",
    ),
}  # fmt: skip


@pytest.fixture
def unexported(monkeypatch: pytest.MonkeyPatch) -> None:
    def exported(*arguments: object, **named: object) -> None:
        raise AssertionError("a model is exported")

    monkeypatch.setattr("mmebench.benchmark.parts.package_model", exported)


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("what", [*REFUSED, *FLEETS])
def test_it_is_refused_before_anything_starts(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change, prepare, said = (REFUSED | FLEETS)[what]
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    before = sorted(tmp_path.iterdir())
    spec = read_spec(change if what in FLEETS else SPEC | change, "spec")
    with pytest.raises(BadInputError, match=said):
        run_benchmark(spec, tmp_path / "results", Watcher())
    left = [path for path in sorted(tmp_path.iterdir()) if path not in before]
    assert all(path.is_dir() and not any(path.iterdir()) for path in left)


@pytest.mark.usefixtures("unexported")
def test_a_fleet_that_is_larger_than_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its files would fit. What an earlier start has packaged is there already."""
    monkeypatch.chdir(tmp_path)
    models: dict[str, Any] = {}
    for name, size in (("small", 500_000), ("large", 700_000)):
        Path(f"{name}.pt").write_bytes(bytes(size))
        models[name] = MEMBER | {"model": MEMBER["model"] | {"path": f"{name}.pt"}, "platform": "pt"}
    spec = read_spec({"models": models}, "spec")
    with small_disk(tmp_path / "disk", "1m") as disk:
        said = (
            r"packages take 1\.14 MiB there, the largest large with 684 KiB; allowed: the 1 MiB .* has free; free"
        )
        with pytest.raises(BadInputError, match=said):
            run_benchmark(spec, disk / "results", Watcher())
        assert not any(disk.iterdir())
        (large,) = read_spec({"models": {"large": models["large"]}}, "spec").fleets[0].kinds
        earlier = packages_of(disk / "results", large) / "large-pt.tar.gz"
        earlier.parent.mkdir(parents=True)
        earlier.write_bytes(bytes(400_000))
        refuse_without_room([large], disk / "results")


def test_a_trace_of_the_targets_that_there_can_be_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the largest multiple of what fits, too."""
    monkeypatch.chdir(tmp_path)
    traced("timestamp,target\n0,resnet18-v7.tar.gz\n1,3\n")(tmp_path)
    spec = read_spec(SPEC | {"workload": TRACED, "targets": {"limit": 4, "capacity": 2}}, "spec")
    refuse_early(spec)
