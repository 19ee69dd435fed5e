"""Records of runs that a plan can rest on: seeded samples of closed loops, capacity, cold starts, interference."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mmebench.benchmark.experiments.cold_starts.figures import ColdStart, write_cold_starts
from mmebench.record.layout import RunFiles
from mmebench.record.run import Capacity, FirstInvocation, Price, Run, StageWindow, read_run
from mmebench.record.samples import SCHEMA
from support.samples import write_run

SECONDS = 20.0
"""Of a stage, of which the first two are its warm-up."""
SERVICE, SERVERS = 0.02, 3
"""What a request takes alone, and how many are served at once."""
FITS = 12


def stage(number: int, users: int) -> StageWindow:
    begin = SECONDS * number
    return StageWindow(users=users, start=begin, ready=begin + 2, end=begin + SECONDS)


def samples(users: Sequence[int], cold: float = 0.0, seed: int = 0) -> pa.Table:
    """Of users who ask again when answered, a stage after the other."""
    random = np.random.default_rng(seed)
    starts, ends = [], []
    for number, count in enumerate(users):
        per_user = int(SECONDS / SERVICE * min(1, SERVERS / count))
        took = random.gamma(16, SERVICE / 16 * max(1, count / SERVERS), (count, per_user))
        until = np.cumsum(took, axis=1)
        kept = until < SECONDS
        starts.append((until - took)[kept] + number * SECONDS)
        ends.append(until[kept] + number * SECONDS)
    start, end = (np.concatenate(each) for each in (starts, ends))
    order = np.argsort(start)
    start, end = (np.rint(each[order] * 1e9).astype(np.int64) for each in (start, end))
    targets = [f"resnet18-v{number}.tar.gz" for number in range(1, FITS + 1)]
    return pa.table(
        {
            "intended_ns": start,
            "start_ns": start,
            "first_byte_ns": end,
            "end_ns": end,
            "target": pa.DictionaryArray.from_arrays(
                random.integers(0, FITS, len(start)).astype(np.int32), pa.array(targets)
            ),
            "status": np.full(len(start), 200, np.int16),
            "error": pa.array([None] * len(start), pa.string()).dictionary_encode(),
            "cold": random.random(len(start)) < cold,
            "request_bytes": np.full(len(start), 1000),
            "response_bytes": np.full(len(start), 100),
        }
    ).cast(SCHEMA)


def capacity(loads: Sequence[float] = (9.0, *[1.0] * (FITS - 1)), **others: Any) -> Capacity:
    """Of one kind; the first load takes longest, as it loads what all share."""
    plain = {
        "fits": FITS,
        "limited_by": "eviction",
        "bytes_per_copy": 1e8,
        "bytes_per_copy_bounds": (0.98e8, 1.02e8),
        "memory_budget": round(1.25e9),
        "loads": tuple(
            FirstInvocation(target=f"resnet18-v{number}.tar.gz", seconds=each, memory_used=None)
            for number, each in enumerate(loads, 1)
        ),
    }
    return Capacity.model_validate(plain | others)


def write_measured(
    directory: Path,
    users: Sequence[int] = (1, 2, 4, 8),
    cold: float = 0.0,
    filled: Capacity | None = None,
    price: float | None = 1.5,
    objectives: dict[str, Any] | None = None,
    platform: str = "onnx",
    **others: Any,
) -> RunFiles:
    """A run of one model whose instance serves three requests at once, each in 20 ms, and has room for twelve."""
    files = write_run(
        directory,
        samples(users, cold),
        tuple(stage(number, count) for number, count in enumerate(users)),
        objectives={"p99": "300ms"} if objectives is None else objectives,
        targets=FITS,
        capacity=capacity() if filled is None else filled,
        platform=platform,
        spec=others.pop("spec", {"endpoint": {"kind": "local"}}),
    )
    change(files, price=None if price is None else Price(usd_per_hour=price, source="a test"), **others)
    return files


def change(files: RunFiles, **fields: Any) -> Run:
    """Write the record anew with these fields."""
    run = read_run(files.run).model_copy(update=fields)
    files.run.write_text(run.model_dump_json(), encoding="utf-8")
    return run


def write_loads_at_once(files: RunFiles, seconds: dict[int, float]) -> None:
    """The table of cold starts: so many at once took so long, each time."""
    table = files.experiment("cold_starts").table
    table.parent.mkdir(parents=True, exist_ok=True)
    write_cold_starts(
        [
            ColdStart("a.tar.gz", at_once, each, None, None, None, None, None, 0.02)
            for at_once, each in seconds.items()
            for _ in range(5)
        ],
        table,
    )
