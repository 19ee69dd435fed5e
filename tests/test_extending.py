"""Another package adds one kind of each, and a spec that uses them runs; docs/extending.md shows its files."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from mmebench.record.samples import read_samples

EXTRAS = Path(__file__).parent / "data" / "extras"
SPEC: dict[str, Any] = {
    "model": {"source": "linear", "width": 8},
    "platforms": ["frozen"],
    "endpoint": {"kind": "beside", "memory": "2GiB"},
    "targets": {"count": 3},
    "workload": {
        "arrivals": {"kind": "weibull", "shape": 0.7},
        "popularity": {"kind": "geometric", "ratio": 0.5},
        "profile": {"stages": [{"rate": 100, "duration": "3s", "warmup": "1s"}]},
    },
    "experiments": [{"kind": "echo", "count": 3}],
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that has the package."""
    target, copy = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("extras") / "extras"
    subprocess.run(["cp", "-r", EXTRAS, copy], check=True)  # a build leaves files beside what it builds
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(copy)], check=True, capture_output=True, text=True)
    return os.environ | {"PYTHONPATH": str(target)}


def mmebench(environment: dict[str, str], *arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mmebench", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.export
def test_a_spec_of_nothing_but_added_kinds_runs(installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(SPEC))
    done = mmebench(installed, "run", "spec.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "frozen: 3 invocations alone, the fastest in " in done.stdout
    (files,) = find_runs(tmp_path / "results" / "linear8")
    run = read_run(files.run)
    assert run.complete
    assert (run.platform, run.container) == ("frozen", "plain")
    samples = read_samples(files.samples).to_pydict()
    assert set(samples["error"]) == {None}
    asked = [samples["target"].count(target) for target in sorted(set(samples["target"]))]
    assert asked == sorted(asked, reverse=True), "each target less than the one before it"
    assert asked[0] / sum(asked) == pytest.approx(4 / 7, abs=0.12)
    assert len(samples["intended_ns"]) == pytest.approx(300, rel=0.3), "a rate of 100 for 3 seconds"
    assert files.experiment("echo").table.exists()


def test_an_added_kind_is_named_among_what_is_allowed(installed: dict[str, str], tmp_path: Path) -> None:
    wrong = SPEC | {"workload": {"arrivals": {"kind": "weibul"}}, "endpoint": {"container": "plane"}}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(wrong))
    done = mmebench(installed, "package", "spec.yaml", "-o", "packages", cwd=tmp_path)
    assert done.returncode == 2
    assert (
        "workload.arrivals: got 'weibul'; allowed: 'closed', 'constant', 'poisson', 'trace', 'weibull'"
        in done.stderr
    )
    assert "auto, triton, python, plain, or the URL" in done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weibull.py": ("import Field", "import Feld")}, "arrivals: weibull of package mmebench-extras"),
        ({"weibull.py": ('Literal["weibull"]', 'Literal["other"]')}, "its kind is 'other', which the entry point"),
    ],
)
def test_an_addition_that_is_broken_is_named(
    installed: dict[str, str], tmp_path: Path, change: dict[str, tuple[str, str]], said: str
) -> None:
    subprocess.run(["cp", "-r", installed["PYTHONPATH"], tmp_path / "site"], check=True)
    for name, (old, new) in change.items():
        path = tmp_path / "site" / "mmebench_extras" / name
        path.write_text(path.read_text().replace(old, new))
    (tmp_path / "spec.yaml").write_text(
        json.dumps({"model": {"source": "timm", "name": "a"}, "platforms": ["pt"]})
    )
    broken = installed | {"PYTHONPATH": str(tmp_path / "site")}
    done = mmebench(broken, "package", "spec.yaml", "-o", "packages", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "mend mmebench-extras, or uninstall it" in done.stderr
    assert "Traceback" not in done.stderr
