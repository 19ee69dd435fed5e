"""Latency that the client adds: 300 requests per second on up to 200 connections, to a server that holds for 5 ms.

Subtracted is what the server itself measured between the last byte of a request and its answer. Client and server
run with real-time priority where that is allowed: on a machine that does other things too, a process may otherwise
wait for milliseconds until it is its turn, and the figure would be the scheduler's.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from clients import payload_file, run_ours
from harness import publish, within
from mmebench.figures.stage import summarise_stage
from mmebench.record.samples import keep_samples, read_samples
from mmebench.spec import ConstantRate, Stage
from servers import stub_server

ROUNDS = 3
STAGE = Stage(users=200, rate=300, duration=15, warmup=3)
HOLD_MICROSECONDS = 5000


class Added(NamedTuple):
    """Milliseconds beyond what the server took."""

    p50: float
    p99: float


@contextmanager
def real_time() -> Iterator[bool]:
    """Processes started inside have real-time priority, if this one may give it."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def measure(payload: Path) -> Added:
    """One run, with a server of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        stream, parquet = Path(scratch, "samples.arrows"), Path(scratch, "samples.parquet")
        with stub_server(HOLD_MICROSECONDS) as server:
            _, (window,) = run_ours(server, payload, [STAGE], ConstantRate(kind="constant"), stream)
        keep_samples(stream, parquet)
        stage = summarise_stage(window, read_samples(parquet))
    if stage.achieved < 0.99:
        raise RuntimeError(f"{stage.achieved:.0%} of the requests that were due were answered")
    return Added(stage.p50 - server.seen["hold_p50_us"] / 1e3, stage.p99 - server.seen["hold_p99_us"] / 1e3)


def main() -> None:
    """A few rounds; the limits are for their median."""
    with real_time() as allowed:
        rounds = [measure(payload_file(1024)) for _ in range(ROUNDS)]
    case = "latency added at 300 requests/s, 200 connections" + ("" if allowed else ", without real-time priority")
    publish(
        "latency",
        [
            within(f"{case}, p50", "ms", [added.p50 for added in rounds], "the server's own hold of 5 ms", 0.15),
            within(f"{case}, p99", "ms", [added.p99 for added in rounds], "the server's own hold of 5 ms", 0.4),
        ],
    )


if __name__ == "__main__":
    main()
