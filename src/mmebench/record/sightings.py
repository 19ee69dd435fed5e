"""Sightings: what an endpoint said of itself during a load, one row about every second."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from mmebench.record.run import StageWindow
from mmebench.record.tables import read_table, write_table


@dataclass(frozen=True)
class Sighting:
    """The endpoint at one moment. What is counted is counted since it came up; None where it does not say."""

    at: float
    """Seconds since the load began, by the clock of the samples."""
    targets: int
    """In memory."""
    memory_used: int
    """Bytes, as last measured."""
    loads: int
    evictions: int
    least_recently_used: str | None
    """The target that would be evicted next."""
    invocations: int | None = None
    """That succeeded; ``model_latency_us`` and ``overhead_us`` are summed over them."""
    model_latency_us: float | None = None
    """From the request passed on to the container to the end of its answer."""
    overhead_us: float | None = None
    """What an invocation took beyond that; ``loading_us``, which is in it: waiting for its target."""
    loading_us: float | None = None
    requests: int | None = None
    """That the container ran with success; ``queue_us`` and ``compute_us`` are summed over them."""
    queue_us: int | None = None
    compute_us: int | None = None
    """Inputs, the model and outputs."""


def write_sightings(sightings: Sequence[Sighting], path: Path) -> None:
    """As CSV, a column a field."""
    write_table(pd.DataFrame([asdict(sighting) for sighting in sightings]), path)


def read_sightings(path: Path) -> pd.DataFrame:
    """The columns are the fields of :class:`Sighting`; no rows where nobody looked."""
    if not path.exists():
        return pd.DataFrame(columns=[field.name for field in fields(Sighting)])
    numbers = ["at", "targets", "memory_used", "loads", "evictions"]
    return read_table(path, numbers, ["least_recently_used"], known=_COUNTED)


def within(sightings: pd.DataFrame, window: StageWindow) -> pd.DataFrame:
    """Those of the window that counts."""
    return sightings[(sightings["at"] >= window.ready) & (sightings["at"] < window.end)]


_COUNTED = ["invocations", "model_latency_us", "overhead_us", "loading_us", "requests", "queue_us", "compute_us"]


@dataclass(frozen=True)
class ServerTimes:
    """Where the server spent the time of a mean invocation, in milliseconds; None where it does not say."""

    loading: float | None = None
    """Waiting for the target to be in memory; 0 for most."""
    router: float | None = None
    """The endpoint itself, before and after the container."""
    container: float | None = None
    """In the container, its queue and the model left out: parsing, copying, answering."""
    queue: float | None = None
    compute: float | None = None

    @property
    def total(self) -> float | None:
        """From the first byte that the endpoint read to the last that it wrote."""
        if self.router is None or self.container is None or self.loading is None:
            return None
        return self.loading + self.router + self.container + (self.queue or 0) + (self.compute or 0)


def server_times(sightings: pd.DataFrame, window: StageWindow) -> ServerTimes:
    """The means between the first sighting within the window and the last."""
    seen = within(sightings, window)
    if len(seen) < 2:
        return ServerTimes()
    counted = seen[_COUNTED].astype(float).to_numpy()
    change = dict(zip(_COUNTED, (counted[-1] - counted[0]).tolist(), strict=True))
    invocations, requests = change["invocations"], change["requests"]
    if not invocations > 0:
        return ServerTimes()
    loading, overhead, model = (
        change[name] / invocations / 1e3 for name in ("loading_us", "overhead_us", "model_latency_us")
    )
    if not requests > 0:
        return ServerTimes(loading=loading, router=overhead - loading, container=model)
    queue, compute = (change[name] / requests / 1e3 for name in ("queue_us", "compute_us"))
    return ServerTimes(loading, overhead - loading, model - queue - compute, queue, compute)
