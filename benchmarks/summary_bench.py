"""Ten million samples to the summary of ten stages, and of one, against pandas doing the same from a CSV file.

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

from harness import Figure, publish, times_better, within
from mmebench.record.layout import RunFiles
from mmebench.record.run import Run, StageWindow, write_run
from mmebench.record.samples import SCHEMA, write_samples

ROUNDS = 3
PARTS = 10
PART_SAMPLES = 1_000_000
PART_SECONDS = 30
STAGES = {"ten stages": PART_SECONDS, "one stage": PARTS * PART_SECONDS}
"""Seconds of each, of the same samples."""
PANDAS = "pandas from CSV"
_HERE = Path(__file__).parent


def make_part(number: int, count: int = PART_SAMPLES) -> pa.Table:
    """The samples of half a minute: lognormal latencies, one in a thousand failed, one in a hundred cold."""
    random = np.random.default_rng(number)
    latency = random.lognormal(np.log(5e6), 0.5, count).astype(np.int64)
    end = np.sort(random.integers(number * PART_SECONDS * 10**9, (number + 1) * PART_SECONDS * 10**9, count))
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
    """A results directory for each number of stages, and beside them the same as CSV, whose path this returns."""
    parquet, csv = directory / "samples.parquet", directory / "samples.csv"

    def parts() -> Iterator[pa.Table]:
        with pyarrow.csv.CSVWriter(csv, SCHEMA) as writer:
            for number in range(PARTS):
                part = make_part(number)
                writer.write(part)
                yield part

    write_samples(parts(), parquet)
    for name, seconds in STAGES.items():
        files = RunFiles(directory / name, "local", "pt", 50)
        files.directory.mkdir()
        files.samples.hardlink_to(parquet)
        files.stats_history.touch()
        windows = tuple(
            StageWindow(users=20, start=at, ready=at, end=at + seconds)
            for at in range(0, PARTS * PART_SECONDS, seconds)
        )
        write_run(make_run(windows), files.run)
    return csv


def make_run(stages: tuple[StageWindow, ...]) -> Run:
    """Of which only the stages and the objective matter."""
    return Run(
        complete=True,
        digest="",
        model="bench",
        platform="pt",
        precision="fp32",
        instance_type="local",
        container="",
        parameters=None,
        targets=50,
        stages=stages,
        started_at="",
        finished_at="",
        spec={"objectives": {"p99": 0.02}},
        package={},
        environment={},
    )


def summarise_by(which: str, path: Path, stage_seconds: int) -> dict[str, list[float]]:
    """What ``summarise_peers.py`` says of one way: seconds, bytes, and the figures."""
    command = [sys.executable, str(_HERE / "summarise_peers.py"), which, str(path), str(stage_seconds)]
    found: dict[str, list[float]] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def compare(directory: Path, csv: Path, stages: str) -> list[Figure]:
    """Take turns, and see that all figures are the same."""
    ways = {"mmebench": directory / stages, "pandas": csv}
    found = [
        {which: summarise_by(which, path, STAGES[stages]) for which, path in ways.items()} for _ in range(ROUNDS)
    ]
    for turn in found:
        for name in turn["pandas"].keys() - {"seconds", "bytes"}:
            # The percentiles of pandas are the same or the next rank.
            tolerance = 0.01 if name.endswith("_ms") or "Median" in name else 1e-9
            np.testing.assert_allclose(turn["mmebench"][name], turn["pandas"][name], tolerance, err_msg=name)
    seconds = {which: [turn[which]["seconds"][0] for turn in found] for which in ways}
    memory = {which: [turn[which]["bytes"][0] / 1e6 for turn in found] for which in ways}
    ours, theirs = seconds["mmebench"], seconds["pandas"]
    figure = f"{PARTS * PART_SAMPLES / 1e6:g} million samples in {stages} to summary"
    return [
        times_better(figure, "s", ours, PANDAS, theirs, 20, float),
        within(f"{figure}, peak memory", "MB", memory["mmebench"], "a limit", 1000),
        times_better(f"{figure}, peak memory", "MB", memory["mmebench"], PANDAS, memory["pandas"], None, float),
    ]


def main() -> None:
    """Make the samples, compare, publish."""
    with tempfile.TemporaryDirectory() as scratch:
        csv = make_samples(Path(scratch))
        os.sync()  # or the first to be measured would share the machine with the writing of two gigabytes
        publish("summary", [figure for stages in STAGES for figure in compare(Path(scratch), csv, stages)])


if __name__ == "__main__":
    main()
