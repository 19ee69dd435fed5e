"""Endpoint time until knee and largest load are known: ``profile: auto``, against ten stages of 30 s.

A real run of each on this machine, one after the other; that both find the same is printed beside it.
"""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from harness import in_turns, publish, times_better
from mmebench.figures.knee import find_knee
from mmebench.figures.operating_point import find_largest_held
from mmebench.figures.summary import summarise
from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from mmebench.spec import Objectives

ROUNDS = 2
OBJECTIVES = Objectives(p99=1.0)
SPEC: dict[str, Any] = {
    "model": {"source": "timm", "name": "resnet18", "weights": "random"},
    "endpoint": {"kind": "local", "memory": "1GiB"},
    "objectives": {"p99": "1s"},
}
PROFILES = {
    "auto": "auto",
    "ramp": {"stages": [{"users": users, "duration": "30s"} for users in (1, 2, 3, 4, 6, 8, 10, 12, 16, 20)]},
}


def main() -> None:
    """A line for each platform: seconds of the endpoint."""
    figures = []
    with tempfile.TemporaryDirectory() as scratch:
        for platform in ("pt", "onnx"):
            said: dict[str, list[str]] = {name: [] for name in PROFILES}

            def measure(name: str, platform: str = platform, said: dict[str, list[str]] = said) -> float:
                seconds, found = run(Path(scratch), platform, name)
                said[name].append(found)
                return seconds

            runs = in_turns(ROUNDS, {name: partial(measure, name) for name in PROFILES})
            figure, against = (f"{platform}, {name}: {'; '.join(said[name])}" for name in PROFILES)
            figures.append(times_better(figure, "s", runs["auto"], against, runs["ramp"], 3.0, lambda each: each))
    publish("auto", figures)


def run(scratch: Path, platform: str, name: str) -> tuple[float, str]:
    """Seconds of filling and load, and what was found."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    spec = SPEC | {"platforms": [platform], "workload": {"profile": PROFILES[name]}}
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    command = [sys.executable, "-m", "mmebench", "run", "spec.yaml", "--quiet"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    results = folder / "results" / "resnet18"
    (files,) = find_runs(results)
    time = read_run(files.run).endpoint_time
    assert time is not None
    return time.fill + time.load, describe(summarise(results))


def describe(stages: pd.DataFrame) -> str:
    """The knee and the largest load that holds the objectives, of what was measured longest."""
    stages = stages.sort_values("Successful Requests").drop_duplicates("User Count", keep="last")
    stages = stages.sort_values("User Count").assign(load=stages["User Count"])
    knee, held = find_knee(stages), find_largest_held(stages, OBJECTIVES)
    words = [] if knee is None else [f"knee {knee['User Count']:g} users, {knee['Requests/s']:.0f}/s"]
    if held is not None:
        words.append(f"held {held['Requests/s']:.0f}/s, p99 {held['p99_ms']:.0f} ms")
    return ", ".join(words) or "nothing"


if __name__ == "__main__":
    main()
