"""What the Locust process tells while it runs: JSON lines on a pipe."""

import json
import os

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from mmebench.figures.statistics import observed_percentiles
from mmebench.record.run import FailedAlike, StageWindow


class Gathering(BaseModel):
    """The load waits for client processes of other hosts."""

    model_config = ConfigDict(frozen=True)

    wanted: int
    hosts: dict[str, int]
    """How many of each host are there."""

    @property
    def there(self) -> str:
        """``3 of 8 client processes are there: one-host 2, other 1``."""
        who = ", ".join(f"{host} {count}" for host, count in sorted(self.hosts.items()))
        return f"{sum(self.hosts.values())} of {self.wanted} client processes are there" + (who and f": {who}")


class Live(BaseModel):
    """The last second or so, for people to look at; results come from samples."""

    model_config = ConfigDict(frozen=True)

    stage: int
    elapsed: float
    """Seconds since the stage began; ``at``: since the load began."""
    at: float
    begun: float
    """When the load began, by ``time.monotonic``, which is the same for all processes of a machine."""
    users: int
    successes: int
    failures: int
    seconds: float
    """What these took: about one, or more on a busy machine, which tells late."""
    p50: float | None
    """Latency of the successes in ms, median and 99th percentile; of a few answers the latter is their maximum."""
    p99: float | None
    resident: int | None = None
    """Targets in memory, where the endpoint was asked."""
    usd: float | None = None
    """US dollars that the benchmark has cost so far, where anything has a price."""

    @property
    def successes_per_second(self) -> int:
        """To be shown as a rate."""
        return round(self.successes / self.seconds)

    @property
    def failures_per_second(self) -> int:
        """To be shown as a rate."""
        return round(self.failures / self.seconds)


class Broken(BaseModel):
    """The load ends now, and why."""

    model_config = ConfigDict(frozen=True)

    reason: str


class Over(BaseModel):
    """The last stage is over and all its answers are there."""

    model_config = ConfigDict(frozen=True)

    failures: tuple[FailedAlike, ...] = ()
    """What answers said that came after it and failed."""


def live(
    rows: npt.NDArray[np.void], seconds: float, stage: int, elapsed: float, at: float, begun: float, users: int
) -> Live:
    """What the samples of the last second or so come to; ``rows`` as :data:`mmebench.load.client.recorder.ROW`."""
    successes = rows[rows["error"] == 0]
    p50, p99 = _percentiles((successes["end_ns"] - successes["intended_ns"]) / 1e6)
    return Live(
        stage=stage,
        elapsed=elapsed,
        at=at,
        begun=begun,
        users=users,
        successes=len(successes),
        failures=len(rows) - len(successes),
        seconds=seconds,
        p50=p50,
        p99=p99,
    )


def _percentiles(latencies: npt.NDArray[np.float64]) -> tuple[float | None, float | None]:
    if not len(latencies):
        return None, None
    p50, p99 = observed_percentiles(latencies, (0.5, 0.99))
    return p50, p99


class EventWriter:
    """Writes events to a file descriptor; to nowhere where it is negative, as under ``locust -f`` by hand."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def _write(self, kind: str, event: BaseModel) -> None:
        if self._descriptor >= 0:
            os.write(self._descriptor, json.dumps({kind: event.model_dump(mode="json")}).encode() + b"\n")

    def gathering(self, event: Gathering) -> None:
        """Once a second until all are there."""
        self._write("gathering", event)

    def live(self, event: Live) -> None:
        """Once a second."""
        self._write("live", event)

    def stage(self, event: StageWindow) -> None:
        """When a stage is over."""
        self._write("stage", event)

    def broken(self, reason: str) -> None:
        """When the load cannot go on."""
        self._write("broken", Broken(reason=reason))

    def over(self, event: Over) -> None:
        """When the load has come to its end; not when it was broken off."""
        self._write("over", event)


Event = Gathering | Live | StageWindow | Broken | Over

_KINDS: dict[str, type[Event]] = {
    "gathering": Gathering,
    "live": Live,
    "stage": StageWindow,
    "broken": Broken,
    "over": Over,
}


def read_event(line: str) -> Event:
    """The event in one line."""
    (kind, value), *_ = json.loads(line).items()
    return _KINDS[kind].model_validate(value)
