"""How near simulated routing is to instances that are really there; a table in Markdown.

Models that sleep are no burden to each other, so that three instances fit on any machine. One instance is measured
as for a plan; then three of them stand behind one router, with each routing in turn. The simulation is told which
targets were asked for when, and nothing else of what three instances did. About 25 minutes. Usage::

    python benchmarks/routing_accuracy.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import yaml

from mmebench.figures.summary import summarise
from mmebench.plan.demand import Demand
from mmebench.plan.measured import QUANTILES, Measured
from mmebench.plan.reading import measure
from mmebench.plan.simulation import kernel
from mmebench.plan.simulation.simulated import ROUTING
from mmebench.plan.station import contention_of, hardware_of
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import StageWindow, find_run
from mmebench.record.samples import read_samples
from mmebench.spec.routing import Routing
from planning_accuracy import asked_for
from sleeping_model import make_archive

INSTANCES, TARGETS, BUSY = 3, 40, 2

ENDPOINT: dict[str, Any] = {"kind": "local", "memory": "750MiB"}
ONE: dict[str, Any] = {
    "endpoint": ENDPOINT,
    "workload": {"profile": {"stages": [{"users": users, "duration": "20s"} for users in (1, 2, 4, 8)]}},
    "experiments": [
        {"kind": "cold_starts", "count": 12, "concurrency": [1, 2, 4]},
        {"kind": "interference", "rate": 5, "every": "3s", "duration": "40s"},
    ],
}
SEVERAL: dict[str, Any] = {
    "targets": {"count": TARGETS},
    "workload": {
        "popularity": {"kind": "zipf", "s": 1.0},
        "arrivals": {"kind": "poisson"},
        "profile": {"stages": [{"rate": 4, "duration": "240s", "warmup": "60s"}]},
    },
}


def main() -> None:
    """Measure, simulate, print."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = make_archive(Path(scratch), "sleeping", mebibytes=50, load=0.5, execute=0.05)
        alone = run(Path(scratch, "one"), ONE, archive)
        record = find_run(alone)
        assert record is not None, "it has just been written"
        measured = measure(alone, record).small()
        rows = []
        for routing in get_args(Routing):
            endpoint = ENDPOINT | {"instances": INSTANCES, "routing": routing, "busy": BUSY}
            files = run(Path(scratch, routing), SEVERAL | {"endpoint": endpoint}, archive)
            rows.append({"routing": routing} | found(files) | simulated(measured, files, routing))
    print(table(pd.DataFrame(rows)))


def run(folder: Path, spec: dict[str, Any], archive: Path) -> RunFiles:
    """A whole benchmark by command."""
    folder.mkdir()
    model = {"model": {"source": "file", "path": str(archive)}}
    (folder / "spec.yaml").write_text(yaml.safe_dump(model | spec))
    command = [sys.executable, "-m", "mmebench", "run", "spec.yaml", "--quiet", "--results", "results"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (files,) = find_runs(folder / "results" / "sleeping")
    return files


def found(files: RunFiles) -> dict[str, float]:
    """What was measured, in milliseconds."""
    (row,) = summarise(files.directory).to_dict("records")
    cold = float(row["cold_starts"]) / float(row["Successful Requests"])
    return {
        "hit ratio, measured": 1 - cold,
        "p50, measured": float(row["Total Median Response Time"]),
        "p99, measured": float(row["p99_ms"]),
    }


def simulated(measured: Measured, files: RunFiles, routing: str) -> dict[str, float]:
    """What the simulation makes of the same requests."""
    record = find_run(files)
    assert record is not None, "it has just been written"
    (window,) = record.stages
    seen = _simulate(measured, files, routing, window)
    p50, p99 = np.quantile(seen["latency"], (0.5, 0.99)) * 1e3
    return {
        "hit ratio, simulated": float(1 - (seen["cold"] > 0).mean()),
        "p50, simulated": float(p50),
        "p99, simulated": float(p99),
    }


def _simulate(measured: Measured, files: RunFiles, routing: str, window: StageWindow) -> Any:
    targets = asked_for(files)
    weights = np.arange(1, TARGETS + 1) ** -1.0
    demand = Demand(1.0, weights / weights.sum(), np.zeros(TARGETS, np.uint8))
    requests = demand.requests(len(targets), 0)
    requests["target"] = targets
    requests["time"] = np.sort(read_samples(files.samples)["start_ns"].to_numpy()) / 1e9
    requests["chance"] = np.random.default_rng(1).integers(0, QUANTILES, len(requests))
    fleet = kernel.Fleet(
        kinds=demand.kinds,
        pinned=0,
        step_times=np.zeros(1),
        step_counts=np.array([INSTANCES]),
        routing=ROUTING[routing],
        busy=BUSY,
        users=0,
        filled=True,
    )
    kernel.simulate(requests, hardware_of(measured, contention_of(measured, None)), fleet)
    ended = requests["started"] + requests["latency"]
    return requests[(ended >= window.ready) & (ended < window.end)]


def table(rows: pd.DataFrame) -> str:
    """In Markdown."""
    names = ("hit ratio", "p50", "p99")
    lines = [f"| routing | {' | '.join(f'{name}: measured, simulated' for name in names)} |", "|---" * 4 + "|"]
    for row in rows.to_dict("records"):
        cells = [f"{row[f'{name}, measured']:.3g}, {row[f'{name}, simulated']:.3g}" for name in names]
        lines.append(f"| {row['routing']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
