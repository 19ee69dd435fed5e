"""How fast a plan is simulated and a log imported, and how near the computed number of instances is to it.

A fleet of 100,000 models on 100 instances, on one core, memory the largest that the process ever held; a log of
ten million lines; 30 fleets of chance, each planned twice: the same number of instances, or one apart?
"""

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from harness import publish, within
from mmebench.plan.demand import demand_of
from mmebench.plan.measured import QUANTILES, Kind, Level, Measured, Memory
from mmebench.plan.option import Question
from mmebench.plan.simulation import kernel
from mmebench.plan.simulation.simulated import fleet_of
from mmebench.plan.station import hardware_of
from mmebench.spec import Objectives
from mmebench.spec.planning import Planning

ROUNDS = 3
REQUESTS = 10_000_000
MODELS, INSTANCES, FITS = 100_000, 100, 900
LINES = 10_000_000
FLEETS = 30
_SIMULATE = "simulate"

Floats = npt.NDArray[np.float64]


def lognormal(mean: float, spread: float) -> Floats:
    """The quantiles of a distribution with this mean and this coefficient of variation."""
    sigma = np.sqrt(np.log(1 + spread**2))
    normal = NormalDist()
    values = np.exp([sigma * normal.inv_cdf((number + 0.5) / QUANTILES) for number in range(QUANTILES)])
    found: Floats = values / values.mean() * mean
    return found


def make_instance(
    service: float, cores: float, load: float, fits: int, contention: float, spread: float
) -> Measured:
    """As a run would have measured one with so many cores, on which a request and a load take so many seconds."""
    levels = []
    for present in (1, 2, 4, 8, 16):
        rate = min(present, cores) / service
        levels.append(Level(present, rate, lognormal(present / rate, spread)[None]))
    return Measured(
        name="chance", instance_type="bench", platform="onnx", usd_per_hour=1.0, price_source="",
        kinds=(Kind("", 1.0, 1.0, ()),), levels=tuple(levels), loads=lognormal(load, 0.2)[None],
        load_seconds={1: load}, contention=contention, memory=(Memory(1.0),), budget=fits, holds_more=False,
        as_loaded=1.0, loads_at_once=None,
        evicting=True, sure={},
    )  # fmt: skip


def fleet_of_chance(seed: int) -> Question:
    """From 5 to 60 models that fit, up to 3,000 hosted, 2 to 500 requests a second, and an objective for it."""
    random = np.random.default_rng(seed)

    def between(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    service, load, fits = between(0.005, 0.06), between(0.3, 6), int(random.integers(5, 60))
    cores, contention = float(random.integers(1, 5)), float(random.choice([0, 0.5, 1, 2]))
    measured = make_instance(service, cores, load, fits, contention, random.uniform(0.1, 0.6))
    traffic = {"kind": "zipf", "s": random.uniform(0.3, 1.4), "rate": between(2, 500)}
    planning = Planning.model_validate({"models": int(between(fits, 3000)), "traffic": traffic})
    alone = float(np.quantile(measured.levels[0].latency, 0.99))
    p99 = alone * random.choice([2, 4, 10]) + random.choice([0, 0, load * random.uniform(0.3, 1.5)])
    return Question(measured, demand_of(planning, measured.kinds), planning, Objectives(p99=float(p99)), "chance")


def simulate() -> dict[str, float]:
    """Nanoseconds of one core for each request, and the memory that it took."""
    measured = make_instance(0.01, 8, 0.3, FITS, 0.5, 0.5)
    planning = Planning.model_validate({"models": MODELS, "traffic": "zipf:0.8,5000", "busy": 16})
    demand = demand_of(planning, measured.kinds)
    fleet, hardware = fleet_of(demand, planning, INSTANCES), hardware_of(measured, 1.0)
    kernel.simulate(demand.requests(1000, 0), hardware, fleet)  # compiled, or read
    requests = demand.requests(REQUESTS, 0)
    started = time.process_time()
    done = kernel.simulate(requests, hardware, fleet)
    seconds = time.process_time() - started
    assert done, "an instance could not keep up"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"ns": seconds / REQUESTS * 1e9, "memory": memory}


def import_log(folder: Path, log: Path) -> dict[str, float]:
    """Seconds and memory of ``mmebench trace import``."""
    command = [
        sys.executable,
        "-m",
        "mmebench",
        "trace",
        "import",
        str(log),
        "--out",
        str(folder / "trace.parquet"),
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return {"seconds": time.perf_counter() - started, "memory": usage.ru_maxrss * 1024 / 1e6}


def write_log(path: Path) -> None:
    """Ten million lines of CSV for 5,000 models."""
    random = np.random.default_rng(0)
    targets = random.zipf(1.3, LINES) % 5000
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "model", "status"])
        for number, target in enumerate(targets.tolist()):
            writer.writerow((f"{1.7e9 + number / 100:.2f}", f"model-{target}", 200))


def apart(seed: int) -> int:
    """By how many instances the computed answer is off the simulated one."""
    question = fleet_of_chance(seed)
    computed = question.computed()
    simulated = question.simulating.near(computed or question.fewest)
    return abs((computed or 0) - (simulated or 0))


def main() -> None:
    """Measure, and publish."""
    if _SIMULATE in sys.argv:
        print(json.dumps(simulate()))
        return
    command = [sys.executable, __file__, _SIMULATE]
    found = [json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(ROUNDS)]
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log.csv"
        write_log(log)
        imports = [import_log(Path(scratch), log) for _ in range(ROUNDS)]
    off = [apart(seed) for seed in range(FLEETS)]
    what = f"{REQUESTS / 1e6:g} million requests, {MODELS:,} models, {INSTANCES} instances"
    lines = f"import of {LINES / 1e6:g} million lines"
    publish(
        "planning",
        [
            # Two million a second.
            within(f"CPU, {what}", "ns a request", [each["ns"] for each in found], "a limit", 500),
            within(f"peak memory, {what}", "MB", [each["memory"] for each in found], "a limit", 2000),
            within(lines, "s", [each["seconds"] for each in imports], "a limit", 15),
            within(f"peak memory, {lines}", "MB", [each["memory"] for each in imports], "a limit", 1000),
            within(
                f"of {FLEETS} fleets, computed and simulated instances more than one apart", "fleets",
                [float(sum(each > 1 for each in off))], "a limit", 2,
            ),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
