"""Ten million samples to the summary of ten stages, against pandas doing the same from a CSV file.

Each runs in a process of its own, in turns. Time is from the call to the figures, imports left out; the memory is
the largest that the process ever held. pandas computes no confidence intervals, which flatters it; all else must
come out the same.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from harness import publish, times_better, within
from mmebench.results.layout import RunFiles
from mmebench.results.run import Run, StageWindow, write_run
from mmebench.results.samples import SCHEMA, write_samples

ROUNDS = 3
STAGES = 10
STAGE_SAMPLES = 1_000_000
STAGE_SECONDS = 30
PANDAS = "pandas from CSV"
_HERE = Path(__file__).parent


def make_stage(number: int) -> pa.Table:
    """A stage's samples: lognormal latencies, one in a thousand failed, one in a hundred cold."""
    random, count = np.random.default_rng(number), STAGE_SAMPLES
    latency = random.lognormal(np.log(5e6), 0.5, count).astype(np.int64)
    end = np.sort(random.integers(number * STAGE_SECONDS * 10**9, (number + 1) * STAGE_SECONDS * 10**9, count))
    start = end - latency
    failed, targets = random.random(count) < 0.001, pa.array([f"model-v{target}.tar.gz" for target in range(50)])
    error = pa.array(np.zeros(count, np.int32), mask=~failed)
    return pa.table(
        {
            "intended_ns": start,
            "start_ns": start,
            "first_byte_ns": end - random.integers(0, 100_000, count),
            "end_ns": end,
            "target": pa.DictionaryArray.from_arrays(random.integers(0, 50, count).astype(np.int32), targets),
            "status": np.where(failed, 424, 200).astype(np.int16),
            "error": pa.DictionaryArray.from_arrays(error, pa.array(["ModelError"])),
            "cold": random.random(count) < 0.01,
            "request_bytes": np.full(count, 602_112),
            "response_bytes": random.integers(150, 300, count),
        },
        schema=SCHEMA,
    )


def make_samples(directory: Path) -> Path:
    """A results directory with the samples as Parquet, and beside it the same as CSV, whose path this returns."""
    files, csv = RunFiles(directory, "local", "pt", 50), directory / "samples.csv"

    def stages() -> Iterator[pa.Table]:
        with pyarrow.csv.CSVWriter(csv, SCHEMA) as writer:
            for number in range(STAGES):
                stage = make_stage(number)
                writer.write(stage)
                yield stage

    write_samples(stages(), files.samples)
    files.stats_history.touch()
    windows = tuple(
        StageWindow(users=20, start=at, ready=at, end=at + STAGE_SECONDS)
        for at in range(0, STAGES * STAGE_SECONDS, STAGE_SECONDS)
    )
    run = Run(
        complete=True,
        digest="",
        model="bench",
        platform="pt",
        precision="fp32",
        instance_type="local",
        container="",
        parameters=None,
        targets=50,
        capacity=None,
        stages=windows,
        loads_during_load=None,
        evictions_during_load=None,
        started_at="",
        finished_at="",
        spec={"objectives": {"p99": 0.02}},
        package={},
        environment={},
    )
    write_run(run, files.run)
    return csv


def summarise_by(which: str, path: Path) -> dict[str, list[float]]:
    """What ``summarise_peers.py`` says of one way: seconds, bytes, and the figures."""
    command = [sys.executable, str(_HERE / "summarise_peers.py"), which, str(path), str(STAGE_SECONDS)]
    found: dict[str, list[float]] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def main() -> None:
    """Make the samples, take turns, compare."""
    with tempfile.TemporaryDirectory() as scratch:
        csv = make_samples(Path(scratch))
        os.sync()  # or the first to be measured would share the machine with the writing of two gigabytes
        ways = {"mmebench": Path(scratch), "pandas": csv}
        found = [{which: summarise_by(which, path) for which, path in ways.items()} for _ in range(ROUNDS)]
    for turn in found:
        for name in turn["pandas"].keys() - {"seconds", "bytes"}:
            # The percentiles of pandas are the same or the next rank.
            tolerance = 0.01 if name.endswith("_ms") or "Median" in name else 1e-9
            np.testing.assert_allclose(turn["mmebench"][name], turn["pandas"][name], tolerance, err_msg=name)
    seconds = {which: [turn[which]["seconds"][0] for turn in found] for which in ways}
    memory = {which: [turn[which]["bytes"][0] / 1e6 for turn in found] for which in ways}
    ours, theirs = seconds["mmebench"], seconds["pandas"]
    figure = f"{STAGES * STAGE_SAMPLES / 1e6:g} million samples to summary"
    publish(
        "summary",
        [
            times_better(figure, "s", ours, PANDAS, theirs, 20, float),
            within(f"{figure}, peak memory", "MB", memory["mmebench"], "a limit", 1000),
            times_better(
                f"{figure}, peak memory", "MB", memory["mmebench"], PANDAS, memory["pandas"], None, float
            ),
        ],
    )


if __name__ == "__main__":
    main()
