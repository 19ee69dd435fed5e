"""Records of fleets: seeded samples of kinds of models that are as fast and as popular as they are told to be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mmebench.record.layout import RunFiles
from mmebench.record.run import (
    Capacity,
    FirstInvocation,
    KindCapacity,
    ModelKind,
    Price,
    Run,
    StageWindow,
    write_run,
)
from mmebench.record.samples import SCHEMA, write_samples

_MIB = 2**20


@dataclass(frozen=True)
class Kind:
    """One kind of a fleet to come."""

    name: str
    targets: int
    share: float
    milliseconds: float
    """The median of its latency with one user; it grows with them."""
    platform: str = "onnx"
    cold: float = 0.0
    """The share of its requests that wait for a load, which takes ten times as long."""
    failed: float = 0.0


PHOTOS = Kind("photos", 12, 0.7, 20)
REVIEWS = Kind("reviews", 6, 0.3, 40, "pt", cold=0.02)
TWO = (PHOTOS, REVIEWS)


def many(count: int) -> tuple[Kind, ...]:
    """So many kinds, the first the most popular, the last the slowest."""
    weights = 1 / np.arange(1, count + 1)
    return tuple(
        Kind(f"model-{number:02}", 2, float(weight), 10 + 2 * number, cold=0.01)
        for number, weight in enumerate(weights / weights.sum(), 1)
    )


def targets_of(kind: Kind) -> tuple[str, ...]:
    return tuple(f"{kind.name}-v{number}.tar.gz" for number in range(1, kind.targets + 1))


def fleet_samples(kinds: tuple[Kind, ...], stages: tuple[StageWindow, ...], seed: int = 0) -> pa.Table:
    """Of all stages: open loops have their rate, closed ones the more requests the more users there are."""
    random = np.random.default_rng(seed)
    names = [target for kind in kinds for target in targets_of(kind)]
    firsts = np.cumsum([0, *(kind.targets for kind in kinds)])
    medians, cold, failed, sizes = (
        np.array([getattr(kind, name) for kind in kinds], float)
        for name in ("milliseconds", "cold", "failed", "targets")
    )
    frames = []
    for stage in stages:
        load = stage.users if stage.rate is None else 1 + stage.rate / 20
        rate = 20 * np.sqrt(stage.users) if stage.rate is None else stage.rate
        count = int(rate * (stage.end - stage.start))
        which = random.choice(len(kinds), count, p=[kind.share for kind in kinds])
        # The first targets of a kind are asked for more than its last.
        target = firsts[which] + (random.random(count) ** 2 * sizes[which]).astype(int)
        latency = random.lognormal(np.log(medians[which] * np.sqrt(load)), 0.3)
        waits = random.random(count) < cold[which]
        intended = np.sort(random.uniform(stage.start, stage.end, count))
        frames.append(
            pd.DataFrame(
                {
                    "intended_ns": (intended * 1e9).astype(np.int64),
                    "latency": (latency * np.where(waits, 10, 1) * 1e6).astype(np.int64),
                    "target": target,
                    "cold": waits,
                    "failed": random.random(count) < failed[which],
                }
            )
        )
    all_of_it = pd.concat(frames, ignore_index=True)
    begun, ended = all_of_it["intended_ns"], all_of_it["intended_ns"] + all_of_it["latency"]
    wrong = all_of_it["failed"].to_numpy()
    return pa.table(
        {
            "intended_ns": begun,
            "start_ns": begun,
            "first_byte_ns": ended - 1000,
            "end_ns": ended,
            "target": pa.DictionaryArray.from_arrays(all_of_it["target"].to_numpy(np.int32), pa.array(names)),
            "status": np.where(wrong, 424, 200).astype(np.int16),
            "error": pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(len(wrong), np.int32), mask=~wrong), pa.array(["ModelError"])
            ),
            "cold": all_of_it["cold"].to_numpy(),
            "request_bytes": np.full(len(wrong), 1000),
            "response_bytes": np.full(len(wrong), 100),
        },
        schema=SCHEMA,
    )


def closed_loop(*users: int, seconds: float = 20) -> tuple[StageWindow, ...]:
    """A stage for each of these numbers of users."""
    return tuple(
        StageWindow(users=each, start=seconds * n, ready=seconds * n + 2, end=seconds * (n + 1))
        for n, each in enumerate(users)
    )


def record_kinds(kinds: tuple[Kind, ...]) -> tuple[ModelKind, ...]:
    """As a record has them."""
    return tuple(
        ModelKind(
            name=kind.name,
            model="resnet18",
            platform=kind.platform,
            precision="fp32",
            parameters=None,
            requests=kind.share,
            targets=targets_of(kind),
            package={},
        )
        for kind in kinds
    )


def write_fleet(
    directory: Path,
    kinds: tuple[Kind, ...] = TWO,
    stages: tuple[StageWindow, ...] | None = None,
    objectives: dict[str, Any] | None = None,
    price: float | None = None,
    samples: pa.Table | None = None,
    seed: int = 0,
    shared_digest: str = "",
) -> RunFiles:
    """A run of a fleet as it is found on disk, in which all targets but the last of each kind fit."""
    stages = closed_loop(1, 4, 16) if stages is None else stages
    count = sum(kind.targets for kind in kinds)
    files = RunFiles(directory, "local-2cpu-3GiB", "mix", count)
    directory.mkdir(parents=True, exist_ok=True)
    files.stats_history.touch()
    write_samples(iter([fleet_samples(kinds, stages, seed) if samples is None else samples]), files.samples)
    capacities = tuple(
        KindCapacity(
            name=kind.name,
            fits=max(kind.targets - 1, 1),
            bytes_per_copy=(100 + 5 * kind.milliseconds) * _MIB,
            bytes_per_copy_bounds=((99 + 5 * kind.milliseconds) * _MIB, (101 + 5 * kind.milliseconds) * _MIB),
            bytes_shared=50.0 * _MIB,
        )
        for kind in kinds
    )
    filled = sum(kind.fits * (kind.bytes_per_copy or 0) + (kind.bytes_shared or 0) for kind in capacities)
    loads = tuple(
        FirstInvocation(target=target, kind=kind.name, seconds=1, memory_used=None)
        for kind in kinds
        for target in targets_of(kind)[: max(kind.targets - 1, 1)]
    )
    write_run(
        Run(
            complete=True,
            digest="",
            shared_digest=shared_digest,
            model=directory.name,
            platform="mix",
            precision="mix",
            instance_type="local-2cpu-3GiB",
            container="triton",
            parameters=None,
            targets=count,
            kinds=record_kinds(kinds),
            capacity=Capacity(
                fits=len(loads),
                limited_by="eviction",
                bytes_per_copy=None,
                memory_budget=round(1.05 * filled),
                kinds=capacities,
                loads=loads,
            ),
            stages=stages,
            price=None if price is None else Price(usd_per_hour=price, source="a test"),
            started_at="",
            finished_at="2026-01-02T",
            spec={"objectives": objectives or {}, "endpoint": {"kind": "local"}},
            package={},
            environment={"versions": {"mmebench": "0.0"}, "processor": "of a test", "cpus": 2},
        ),
        files.run,
    )
    return files
