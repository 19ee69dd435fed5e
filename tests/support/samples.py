"""Samples made by hand, and a results directory around them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmebench.record.layout import RunFiles
from mmebench.record.run import Capacity, Run, StageWindow
from mmebench.record.samples import SCHEMA, write_samples

_MS = 1_000_000


@dataclass(frozen=True)
class Sample:
    """One request; times in milliseconds."""

    start: float
    end: float
    error: str | None = None
    cold: bool | None = None
    status: int = 200
    first_byte: float | None = None
    request_bytes: int = 1
    response_bytes: int = 1
    target: str = "a.tar.gz"


def sample_table(samples: list[Sample]) -> pa.Table:
    """The samples as the results room keeps them."""

    def ns(milliseconds: float) -> int:
        return round(milliseconds * _MS)

    columns: dict[str, list[Any]] = {
        "intended_ns": [ns(sample.start) for sample in samples],
        "start_ns": [ns(sample.start) for sample in samples],
        "first_byte_ns": [None if sample.first_byte is None else ns(sample.first_byte) for sample in samples],
        "end_ns": [ns(sample.end) for sample in samples],
        "target": [sample.target for sample in samples],
        "status": [sample.status for sample in samples],
        "error": [sample.error for sample in samples],
        "cold": [sample.cold for sample in samples],
        "request_bytes": [sample.request_bytes for sample in samples],
        "response_bytes": [sample.response_bytes for sample in samples],
    }
    return pa.table(columns).cast(SCHEMA)


def write_run(
    directory: Path,
    samples: pa.Table,
    stages: tuple[StageWindow, ...],
    objectives: dict[str, Any] | None = None,
    targets: int = 3,
    complete: bool = True,
    capacity: Capacity | None = None,
    spec: dict[str, Any] | None = None,
    platform: str = "pt",
    shared_digest: str = "",
) -> RunFiles:
    """A run of a benchmark as it is found on disk, without what Locust writes about it."""
    directory.mkdir(parents=True, exist_ok=True)
    files = RunFiles(directory, "local", platform, targets)
    files.stats_history.touch()
    write_samples(iter([samples]), files.samples)
    run = Run(
        complete=complete,
        digest="",
        shared_digest=shared_digest,
        model=directory.name,
        platform=platform,
        precision="fp32",
        instance_type="local",
        container="",
        parameters=None,
        targets=targets,
        capacity=capacity,
        stages=stages,
        loads_during_load=None,
        evictions_during_load=None,
        started_at="",
        finished_at="",
        spec={"objectives": objectives or {}} | (spec or {}),
        package={},
        environment={"versions": {"mmebench": "0.0"}, "processor": "of a test", "cpus": 2},
    )
    files.run.write_text(run.model_dump_json(), encoding="utf-8")
    return files
