"""What a scale-out came to: stretches of its load around the step, and what became of the instances."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from mmebench.endpoints.endpoint import InstanceChange
from mmebench.figures.recovery import Recovered, find_recovered, find_stretches
from mmebench.record.layout import find_runs
from mmebench.record.run import Price, find_run
from mmebench.record.samples import read_samples
from mmebench.record.tables import read_table, write_table

_CHANGES, _HELD = "changes.csv", "held.csv"
_SLOW = 2.0
"""Times the p99 of before: a request that takes longer is slow."""


class Held(NamedTuple):
    """What instances had in memory at one moment."""

    at: float
    """Seconds since the load began."""
    instances: int
    targets: int
    copies: int
    """Of these targets, over all instances."""
    to_added: int
    """Requests that instances got which came during the load."""


class ScaledOut(NamedTuple):
    """The load around the step; times are seconds after it."""

    stretches: pd.DataFrame
    """As :func:`~mmebench.figures.recovery.find_stretches` gives them."""
    alarm: float | None
    """When instances were first asked for; None: never."""
    added: tuple[tuple[float, int], ...]
    """When there were more, and how many then."""
    recovered: Recovered
    """Since when it is as before the step, after the last instance came."""
    to_added: float | None
    """Share of the requests since then that went to the instances that came."""
    failed: int
    """Requests after the step that failed."""
    slow: int
    """Those that took more than twice the p99 of before."""
    after: int
    """All requests after the step."""
    held: pd.DataFrame
    """Columns are the fields of :class:`Held`, with ``at`` after the step; empty where nobody says."""
    serving: tuple[tuple[float, int], ...]
    """How many instances serve from when on, from before the step to the end of the load."""
    usd: float | None
    """What instances cost from the step to the end of the load, in US dollars."""


def write_course(changes: Sequence[tuple[float, InstanceChange]], held: Sequence[Held], loads: Path) -> None:
    """What became of instances, with when, and what they held, in seconds since the load began."""
    rows = [(at, change.what, change.instances) for at, change in changes]
    write_table(pd.DataFrame(rows, columns=["at", "what", "instances"]), loads / _CHANGES)
    write_table(pd.DataFrame(held, columns=list(Held._fields)), loads / _HELD)


def read_scale_out(loads: Path, first: int, per_instance: Price | None) -> ScaledOut | None:
    """That of the experiment in this folder; None where it did not get to its end.

    Args:
        loads: the folder.
        first: instances that served when the load began.
        per_instance: what an hour of an instance costs.
    """
    if not (loads / _CHANGES).exists():
        return None
    changes = read_table(loads / _CHANGES, ["at", "instances"], ["what"])
    held = read_table(loads / _HELD, Held._fields)
    for files in find_runs(loads):
        if not files.samples.exists() or (run := find_run(files)) is None or not run.complete:
            continue
        before, after = run.stages
        step = after.start
        samples = read_samples(files.samples)
        stretches = find_stretches(samples, before.ready, step, after.end)
        happened = [
            (float(row["at"]) - step, str(row["what"]), int(row["instances"])) for _, row in changes.iterrows()
        ]
        serving = _serving(first, happened, before.ready - step, after.end - step)
        alarms = [at for at, what, _ in happened if what == "alarm"]
        added = tuple((at, instances) for at, what, instances in happened if what == "added")
        held = held.assign(at=held["at"] - step)
        since = added[-1][0] if added else 0.0
        counts = _after_step(samples, stretches, step, after.end)
        due = int((samples["intended_ns"].to_numpy() / 1e9 >= step + added[0][0]).sum()) if added else 0
        return ScaledOut(
            stretches=stretches,
            alarm=alarms[0] if alarms else None,
            added=added,
            recovered=find_recovered(stretches, since) if added else Recovered(None, None),
            to_added=min(1.0, int(held["to_added"].max()) / due) if due and len(held) else None,
            failed=counts[0],
            slow=counts[1],
            after=counts[2],
            held=held,
            serving=serving,
            usd=None if per_instance is None else _instance_hours(serving) * per_instance.usd_per_hour,
        )
    return None


def _after_step(samples: pa.Table, stretches: pd.DataFrame, step: float, end: float) -> tuple[int, int, int]:
    """How many failed, how many were slow, and of how many."""
    due = samples["intended_ns"].to_numpy() / 1e9
    latency = samples["end_ns"].to_numpy() / 1e6 - due * 1e3
    good = samples["error"].is_null().to_numpy()
    own = (due >= step) & (due < end)
    usual = stretches.loc[stretches["to_s"] <= 1e-9, "p99_ms"].median()
    return int((own & ~good).sum()), int((own & good & (latency > _SLOW * usual)).sum()), int(own.sum())


def _serving(
    first: int, happened: Sequence[tuple[float, str, int]], begin: float, end: float
) -> tuple[tuple[float, int], ...]:
    """As :attr:`ScaledOut.serving` has it; its last is the end."""
    steps = [(begin, first)]
    steps += [(at, instances) for at, what, instances in happened if what in ("added", "removed") and at < end]
    return (*steps, (end, steps[-1][1]))


def _instance_hours(serving: Sequence[tuple[float, int]]) -> float:
    """Since the step; an instance that comes is counted from when it serves."""
    return sum(
        instances * max(0.0, until - max(at, 0.0)) / 3600 for (at, instances), (until, _) in pairwise(serving)
    )
