"""Runs of variants, made by hand."""

from pathlib import Path
from typing import Any

from mmebench.record.run import Price, StageWindow, read_run
from mmebench.record.run import write_run as write_record
from support.samples import Sample, sample_table, write_run

STAGES = (StageWindow(users=2, start=0, ready=0, end=10), StageWindow(users=4, start=10, ready=10, end=20))


def variant(
    directory: Path,
    name: str,
    per_second: int,
    milliseconds: float = 20,
    sent: int = 1000,
    received: int = 100,
    *,
    failed: int = 0,
    price: float | None = None,
    stages: tuple[StageWindow, ...] = STAGES,
    changes: dict[str, Any] | None = None,
    shared_digest: str = "",
) -> None:
    """So many requests a second in each stage, of latencies that vary by a tenth, and failures in the first."""
    gap = 1000 / per_second
    samples = [
        Sample(
            at,
            at + milliseconds * (0.9 + 0.2 * (number * 7 % 10) / 10),
            request_bytes=sent,
            response_bytes=received,
        )
        for stage in stages
        for number in range(per_second * 10)
        if (at := 1000 * stage.start + gap * number) + milliseconds * 1.2 < 1000 * stage.end
    ]
    samples += [Sample(100, 120, "ModelError", status=424, request_bytes=sent)] * failed
    files = write_run(directory, sample_table(samples), stages, platform=name, shared_digest=shared_digest)
    run = read_run(files.run).model_copy(
        update={
            "changes": {"workload.payload.encoding": name} if changes is None else changes,
            "price": None if price is None else Price(usd_per_hour=price, source="a test"),
        }
    )
    write_record(run, files.run)
