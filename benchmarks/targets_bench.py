"""Ten million samples over ten thousand targets to the table by target, and to the figures of 67 kinds of models.

Each runs in a process of its own, in turns. Time is from the call to the figures, imports left out; the memory is
the largest that the process ever held. Popularity follows Zipf's law, and one request in a hundred was cold.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa

from harness import Figure, publish, within
from mmebench.record.layout import RunFiles
from mmebench.record.run import ModelKind, StageWindow, read_run, write_run
from mmebench.record.samples import write_samples
from summary_bench import PART_SECONDS, PARTS, make_part, make_run

ROUNDS = 3
TARGETS, KINDS = 10_000, 67
STAGES = {"one stage": 1, "ten stages": 10}


def make_parts(names: pa.Array) -> Iterator[pa.Table]:
    """The samples of the summary's benchmark, of very many targets."""
    popularity = np.cumsum(1 / np.arange(1, TARGETS + 1))
    for number in range(PARTS):
        part = make_part(number)
        random = np.random.default_rng(number)
        codes = np.searchsorted(popularity, random.random(len(part)) * popularity[-1]).astype(np.int32)
        targets = pa.DictionaryArray.from_arrays(codes, names)
        yield part.set_column(part.column_names.index("target"), part.schema.field("target"), targets)


def write_load(directory: Path, parquet: Path, names: list[str], stages: int) -> None:
    """A run of a fleet, without its capacity."""
    files = RunFiles(directory, "local", "mix", TARGETS)
    directory.mkdir()
    files.samples.hardlink_to(parquet)
    files.stats_history.touch()
    seconds = PARTS * PART_SECONDS / stages
    windows = tuple(
        StageWindow(users=20, start=seconds * at, ready=seconds * at, end=seconds * (at + 1))
        for at in range(stages)
    )
    kinds = tuple(
        ModelKind(
            name=f"kind{number}",
            model="m",
            platform="pt",
            precision="fp32",
            parameters=None,
            requests=1 / KINDS,
            targets=tuple(names[number::KINDS]),
            package={},
        )
        for number in range(KINDS)
    )
    write_run(make_run(windows).model_copy(update={"targets": TARGETS, "kinds": kinds}), files.run)


def measure(what: str, directory: Path) -> None:
    """Say how long it took and how much memory."""
    from mmebench.figures.by_target import summarise_targets
    from mmebench.figures.requests import read_requests
    from mmebench.figures.summary import summarise_run

    files = RunFiles(directory, "local", "mix", TARGETS)
    run = read_run(files.run)
    began = perf_counter()
    if what == "targets":
        table = summarise_targets(read_requests(files.samples, run.capacity), run)
        rows = int(table["requests"].sum())
    else:
        rows = int(summarise_run(files)["Successful Requests"].sum())
    seconds = perf_counter() - began
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, rows]))


def in_process(what: str, directory: Path) -> list[float]:
    """Seconds, MB and rows."""
    command = [sys.executable, __file__, what, str(directory)]
    found: list[float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def main() -> None:
    """Make the samples, measure, publish."""
    names = [f"model-v{number}.tar.gz" for number in range(TARGETS)]
    with tempfile.TemporaryDirectory() as scratch:
        parquet = Path(scratch, "samples.parquet")
        write_samples(make_parts(pa.array(names)), parquet)
        for name, stages in STAGES.items():
            write_load(Path(scratch, name), parquet, names, stages)
        os.sync()
        figures: list[Figure] = []
        for name in STAGES:
            for what, called, limit in (("targets", "the table by target", 3), ("kinds", f"{KINDS} kinds", 6)):
                rounds = [in_process(what, Path(scratch, name)) for _ in range(ROUNDS)]
                figure = f"10 million samples, {TARGETS:,} targets, {name}, to {called}"
                figures += [
                    within(figure, "s", [seconds for seconds, *_ in rounds], "a limit", limit),
                    within(f"{figure}, peak memory", "MB", [memory for _, memory, _ in rounds], "a limit", 1000),
                ]
    publish("targets", figures)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
