"""Fleets on a real Triton: who answered can be told from the answer."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mmebench.benchmark.existing import load_endpoint
from mmebench.benchmark.story import run_benchmark
from mmebench.endpoints.local import start
from mmebench.errors import BadInputError
from mmebench.models.archive_completion import complete_archives
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import Run, read_run
from mmebench.record.samples import read_samples
from mmebench.spec import LocalEndpoint, Spec
from mmebench.spec.reading import read_load_spec, read_spec
from support.commands import mmebench
from support.tiny_models import WIDTH, onnx_archive, weighty_archive, wide_archive
from support.watching import Watcher

pytestmark = [pytest.mark.e2e, pytest.mark.triton, pytest.mark.usefixtures("undrawn")]


def measured(spec: Spec, results: Path) -> tuple[RunFiles, Run]:
    outcome = run_benchmark(spec, results, Watcher())
    assert outcome.problems == ()
    (files,) = find_runs(outcome.directory)
    run = read_run(files.run)
    assert run.complete
    return files, run


def archive(path: Path) -> dict[str, Any]:
    return {"model": {"source": "file", "path": str(path)}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archives whose answers are 1, 2 … 5 times as long as what is sent."""
    path = tmp_path_factory.mktemp("models") / "mine"
    path.mkdir()
    for times in range(1, 6):
        wide_archive(path.parent / f"m{times}.tar.gz", times).rename(path / f"m{times}.tar.gz")
    (path / "._m1.tar.gz").write_bytes(b"what a Mac leaves")
    return path


def test_a_folder_of_archives_answers_each_as_itself(folder: Path, tmp_path: Path) -> None:
    """Open loop, three client processes: shares are exact, and each answer is that of its target."""
    workload = {"arrivals": {"kind": "constant"}, "processes": 3, "profile": [{"rate": 250, "duration": "4s"}]}
    models = {"models": {"from": str(folder)}, "endpoint": {"kind": "local", "memory": "2GiB"}}
    files, run = measured(read_spec(models | {"workload": workload}, "test"), tmp_path / "results")
    assert files.directory.name == run.model == "mine"
    assert (run.platform, files.targets) == ("mix", 5)
    assert [kind.targets for kind in run.kinds] == [(f"m{times}.tar.gz",) for times in range(1, 6)]
    samples = read_samples(files.samples)
    assert samples["error"].null_count == len(samples)
    sizes: dict[str, set[int]] = {}
    for target, size in zip(samples["target"].to_pylist(), samples["response_bytes"].to_pylist(), strict=True):
        sizes.setdefault(target, set()).add(size)
    known = [sizes[f"m{times}.tar.gz"] for times in range(1, 6)]
    assert all(len(size) == 1 for size in known), "a target has one answer"
    lengths = [length for (length,) in known]
    assert lengths == sorted(set(lengths)), "each is longer than the one before, as its model's is"
    assert lengths[-1] - lengths[0] >= 4 * 4 * WIDTH


def test_a_fleet_is_filled_in_proportion_and_asked_by_its_shares(folder: Path, tmp_path: Path) -> None:
    large = weighty_archive(tmp_path / "large.tar.gz", 1.0)
    spec = read_spec(
        {
            "name": "two",
            "models": {
                "small": archive(folder / "m1.tar.gz") | {"targets": {"share": 2}, "requests": 0.75},
                "large": archive(large) | {"targets": {"share": 1}, "requests": 0.25},
            },
            "endpoint": {"kind": "local", "memory": "400MiB"},
            "workload": {
                "arrivals": {"kind": "closed", "think_time": "10ms"},
                "profile": [{"users": 2, "duration": "3s"}],
            },
            "experiments": [
                {"kind": "cold_starts", "count": 1, "concurrency": 1, "warm": 1},
                {"kind": "working_set", "ratios": 2, "zipf": 0.8, "stage": {"users": 2, "duration": "2s"}},
                {"kind": "interference", "rate": 10, "every": "1s", "duration": "3s", "neighbours": "large"},
                {"kind": "mixes", "mixes": {"small": 1, "large": 2}},
            ],
        },
        "test",
    )
    files, run = measured(spec, tmp_path / "results")
    assert run.capacity is not None
    small, large_kind = run.capacity.kinds
    assert run.capacity.limited_by == "eviction"
    assert small.fits + large_kind.fits == run.capacity.fits
    assert abs(small.fits - 2 * large_kind.fits) <= 2
    assert [len(kind.targets) for kind in run.kinds] == [small.fits, large_kind.fits]
    assert large_kind.bytes_per_copy is not None
    assert small.bytes_per_copy is not None
    assert large_kind.bytes_per_copy > small.bytes_per_copy > 0
    samples = read_samples(files.samples)
    asked = Counter(str(target).split("-")[0] for target in samples["target"].to_pylist())
    assert asked["small"] / len(samples) == pytest.approx(0.75, abs=0.1)
    assert samples["cold"].to_pylist().count(True) <= 1, "what fits is in memory when the load begins"
    for experiment in spec.experiments:
        assert files.experiment(experiment.kind).table.exists()
    mixes = pd.read_csv(files.experiment("mixes").table)
    assert mixes["error"].abs().max() <= 1, mixes
    again = Watcher()
    run_benchmark(spec, tmp_path / "results", again)
    assert again.experiments == [], "measured already"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"models\.from: .*no archive \(\*\.tar\.gz\) in it"),
        (b"no archive", r"models\.broken: .*broken\.tar\.gz.*not a gzipped tar"),
    ],
)
def test_a_folder_that_is_no_fleet(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "broken.tar.gz").write_bytes(content)
    with pytest.raises(BadInputError, match=message):
        complete_archives(read_spec({"models": {"from": str(tmp_path)}}, "test"))


def test_an_archive_that_does_not_say_what_goes_in(tmp_path: Path) -> None:
    """Triton would find it in the model; who makes requests has to know it before."""
    onnx_archive(tmp_path / "mute.tar.gz", 1.0, config='backend: "onnxruntime"\nmax_batch_size: 8')
    with pytest.raises(BadInputError, match=r"models\.mute: mute\.tar\.gz/config\.pbtxt names no inputs"):
        complete_archives(read_spec({"models": {"from": str(tmp_path)}}, "test"))


def test_all_members_are_packaged_each_in_its_folder(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    models = {name: archive(folder / f"{name}.tar.gz") for name in ("m1", "m2")}
    path.write_text(yaml.safe_dump({"models": models}))
    done = mmebench("package", path, "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.tar.gz"))
    assert made == ["m1/m1-onnx.tar.gz", "m2/m2-onnx.tar.gz"]
    assert "m1/m1-onnx.tar.gz" in done.stdout


def test_a_load_on_a_fleet_that_runs_already(folder: Path, tmp_path: Path) -> None:
    """Each model says which of the endpoint's targets are its own."""
    tensor = {"name": "x", "datatype": "FP32", "shape": [WIDTH]}
    models = {
        name: {
            "name": name,
            "platform": "onnx",
            "inputs": [tensor],
            "targets": [f"{name}.tar.gz"],
            "requests": part,
        }
        for name, part in (("m1", 0.9), ("m5", 0.1))
    }
    with start(LocalEndpoint(), folder, tmp_path / "serve.log") as endpoint:
        path = tmp_path / "load.yaml"
        spec = {
            "endpoint": {"kind": "existing", "name": endpoint.name, "url": endpoint.url, "region": "local"},
            "models": models,
            "name": "live",
            "workload": {"arrivals": "constant", "profile": [{"rate": 100, "duration": "3s"}]},
            "objectives": {"models": {"m5": {"p50": "5s"}}},
        }
        path.write_text(yaml.safe_dump(spec))
        outcome = load_endpoint(read_load_spec(path), tmp_path / "results", Watcher())
    (files,) = find_runs(outcome.directory)
    run, samples = read_run(files.run), read_samples(files.samples)
    assert (run.model, run.platform, files.targets) == ("live", "mix", 2)
    assert [(kind.name, kind.requests) for kind in run.kinds] == [("m1", 0.9), ("m5", 0.1)]
    asked = Counter(samples["target"].to_pylist())
    assert asked["m5.tar.gz"] / len(samples) == pytest.approx(0.1, abs=0.03)
    assert samples["error"].null_count == len(samples)
