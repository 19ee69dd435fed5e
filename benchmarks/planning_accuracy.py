"""How near a plan's prediction is to what was measured, point by point of a working set; a table in Markdown.

The points are those of the experiment ``working_set`` of a run, of which the prediction is told only in which
order targets were asked for: a minute of a few requests a second is too short to tell a popularity so nearly. It
rests on the run's stages with all models in memory, its cold starts and its interference alone. Usage::

    mmebench run benchmarks/planning.yaml --results planning
    python benchmarks/planning_accuracy.py planning/resnet18
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmebench.plan.demand import Demand
from mmebench.plan.measured import QUANTILES, Measured
from mmebench.plan.reading import measure
from mmebench.plan.simulation import kernel
from mmebench.plan.station import contention_of, hardware_of
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import StageWindow, find_run
from mmebench.record.samples import read_samples
from mmebench.record.tables import read_table

_USERS = 4
_REQUESTS = 20_000
_WITHIN = {"hit ratio": 0.03, "requests/s": 0.10, "p50": 0.10, "p99": 0.25}
"""Of the hit ratio the difference, of the others the part that they are apart."""


def asked_for(files: RunFiles) -> npt.NDArray[np.int32]:
    """Which targets a load asked for, in this order, by their ranks from 0 on."""
    samples = read_samples(files.samples).sort_by("start_ns")
    targets = samples["target"].combine_chunks()
    ranks = np.array([int(name.rpartition("-v")[2].split(".")[0]) for name in targets.dictionary.to_pylist()])
    asked: npt.NDArray[np.int32] = ranks[targets.indices.to_numpy()].astype(np.int32)
    return asked


def simulate_users(
    measured: Measured, targets: int, s: float, first: npt.NDArray[np.int32], window: StageWindow
) -> dict[str, float]:
    """What so many users come to on one instance: who ask for these first, and then by Zipf's law."""
    weights = np.arange(1, targets + 1) ** -s
    demand = Demand(1.0, weights / weights.sum(), np.zeros(targets, np.uint8))
    requests = demand.requests(max(_REQUESTS, 2 * len(first)), 0)
    requests["target"][: len(first)] = first
    requests["time"] = 0.0
    requests["chance"] = np.random.default_rng(1).integers(0, QUANTILES, len(requests))
    fleet = kernel.Fleet(
        demand.kinds, 0, np.zeros(1), np.array([1]), kernel.HASHED, kernel.IN_FLIGHT - 2, _USERS, True
    )
    kernel.simulate(requests, hardware_of(measured, contention_of(measured, None)), fleet)
    ended = requests["started"] + requests["latency"]
    seen = requests[(ended >= window.ready) & (ended < window.end)]
    p50, p99 = np.quantile(seen["latency"], (0.5, 0.99)) * 1e3
    return {
        "hit ratio": float(1 - (seen["cold"] > 0).mean()),
        "requests/s": len(seen) / (window.end - window.ready),
        "p50": float(p50),
        "p99": float(p99),
    }


def points(directory: Path) -> pd.DataFrame:
    """Each point of the working set: measured, predicted."""
    (files,) = find_runs(directory)
    run = find_run(files)
    assert run is not None, f"{files.run}: no record"
    measured = measure(files, run).small()  # nothing makes copies grow that are loaded again
    rows = []
    experiment = files.experiment("working_set")
    for row in read_table(experiment.table).to_dict("records"):
        loads = find_runs(experiment.loads / f"zipf{row['zipf']:g}")
        load = next(each for each in loads if each.targets == row["targets"])
        offered = find_run(load)
        assert offered is not None, f"{load.run}: no record"
        found = {
            "hit ratio": row["hit_ratio"],
            "requests/s": row["requests_per_s"],
            "p50": row["p50_ms"],
            "p99": row["p99_ms"],
        }
        (window,) = offered.stages
        predicted = simulate_users(measured, int(row["targets"]), float(row["zipf"]), asked_for(load), window)
        rows.append(
            {"zipf": row["zipf"], "targets": int(row["targets"]), "ratio": row["ratio"]}
            | {f"{name}, measured": value for name, value in found.items()}
            | {f"{name}, predicted": value for name, value in predicted.items()}
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Print the table, and how many points are as near as they should be."""
    table = points(Path(sys.argv[1]))
    print(
        "| zipf | targets over what fits | "
        + " | ".join(f"{name}: measured, predicted" for name in _WITHIN)
        + " |"
    )
    print("|" + "---|" * (len(_WITHIN) + 2))
    for row in table.to_dict("records"):
        cells = [f"{row[f'{name}, measured']:.3g}, {row[f'{name}, predicted']:.3g}" for name in _WITHIN]
        print(f"| {row['zipf']:g} | {row['ratio']:.2g} | " + " | ".join(cells) + " |")
    for name, limit in _WITHIN.items():
        measured, predicted = table[f"{name}, measured"], table[f"{name}, predicted"]
        apart = (predicted - measured).abs() / (1 if name == "hit ratio" else measured)
        known = apart.dropna()
        print(
            f"{name}: {int((known <= limit).sum())} of {len(known)} within {limit:.0%}, off by {known.mean():.1%} "
            f"on average and {known.max():.1%} at most"
        )


if __name__ == "__main__":
    main()
