"""What the Locust process tells while it runs: JSON lines on a pipe."""

import json
import os
import statistics
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from mmebench.results.run import StageWindow


class Live(BaseModel):
    """The last second or so, for people to look at; results come from samples."""

    model_config = ConfigDict(frozen=True)

    stage: int
    elapsed: float
    users: int
    successes: int
    failures: int
    p50: float | None
    """Median latency of the successes, in ms."""


def live(rows: Sequence[tuple[object, ...]], stage: int, elapsed: float, users: int) -> Live:
    """What the samples of the last second come to; ``rows`` as :meth:`Recorder.flush` gives them."""
    latencies = [
        (end - intended) / 1e6
        for intended, _, end, _, _, error, *_ in rows
        if error is None and isinstance(end, int) and isinstance(intended, int)
    ]
    return Live(
        stage=stage,
        elapsed=elapsed,
        users=users,
        successes=len(latencies),
        failures=len(rows) - len(latencies),
        p50=statistics.median(latencies) if latencies else None,
    )


class EventWriter:
    """Writes events to a file descriptor; to nowhere where it is negative, as under ``locust -f`` by hand."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def _write(self, kind: str, event: BaseModel) -> None:
        if self._descriptor >= 0:
            os.write(self._descriptor, json.dumps({kind: event.model_dump()}).encode() + b"\n")

    def live(self, event: Live) -> None:
        """Once a second."""
        self._write("live", event)

    def stage(self, event: StageWindow) -> None:
        """When a stage is over."""
        self._write("stage", event)


def read_event(line: str) -> Live | StageWindow:
    """The event in one line."""
    (kind, value), *_ = json.loads(line).items()
    return Live.model_validate(value) if kind == "live" else StageWindow.model_validate(value)
