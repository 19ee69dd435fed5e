"""What an interference experiment came to: the latency of one target, undisturbed and beside cold starts."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from mmebench.figures.statistics import estimate_percentiles, estimate_slope
from mmebench.record.layout import find_runs
from mmebench.record.run import Run, find_run
from mmebench.record.samples import read_samples
from mmebench.units import human_seconds

PHASES = ("alone", "between", "during")
"""Without neighbours; with neighbours, none of which is being loaded; while one is being loaded."""

BESIDE = " beside "
"""Between a kind and its neighbours, in the name of the folder that has their load; no kind is called so."""

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

Times = npt.NDArray[np.float64]


class Course(NamedTuple):
    """The requests to the one target, and the cold starts of its neighbours; times are seconds."""

    due: Times
    latency: Times
    phase: npt.NDArray[np.int8]
    """Index of :data:`PHASES`; -1: not within a window that counts."""
    cold_starts: Times
    """A row each: when it was asked for, and when it was answered."""
    failures: tuple[int, ...]
    """Requests to the one target that failed, by phase; ``failed_neighbours``: to the others."""
    failed_neighbours: int
    rate: float
    """Requests per second to the one target, as they were answered alone."""
    never_started: int
    """Of those that were due alone."""


class Pair(NamedTuple):
    """What disturbs whom."""

    steady: str
    """The kind of the one target; nothing where all are of one model."""
    neighbours: str
    course: Course


def read_pairs(loads: Path) -> list[Pair]:
    """Those of the experiment in this folder that got to their end."""
    if (course := read_course(loads)) is not None:
        return [Pair("", "", course)]
    folders = (
        sorted(path for path in loads.iterdir() if path.is_dir() and BESIDE in path.name) if loads.is_dir() else []
    )
    found = [(folder.name.split(BESIDE), read_course(folder)) for folder in folders]
    return [Pair(steady, neighbours, course) for (steady, neighbours), course in found if course is not None]


def read_course(loads: Path) -> Course | None:
    """The course of the experiment in this folder; None where it did not get to its end."""
    if not loads.is_dir():
        return None
    for files in find_runs(loads):
        if files.samples.exists() and (run := find_run(files)) is not None and run.complete:
            return _course(read_samples(files.samples), run)
    return None


def summarise_interference(course: Course) -> pd.DataFrame:
    """One row a phase: requests, p50, p95 and p99 in ms with bounds, and each over what it is alone."""
    rows = []
    for number, phase in enumerate(PHASES):
        latency = course.latency[course.phase == number] * 1e3
        found = dict(zip(_SHARES, estimate_percentiles(latency, tuple(_SHARES.values())), strict=True))
        rows.append(
            {
                "phase": phase,
                "requests": len(latency),
                **{
                    f"{name}{bound}_ms": getattr(estimate, field)
                    for name, estimate in found.items()
                    for bound, field in (("", "value"), ("_low", "low"), ("_high", "high"))
                },
                "max_ms": latency.max() if len(latency) else np.nan,
                "failures": course.failures[number],
            }
        )
    table = pd.DataFrame(rows)
    for name in _SHARES:
        table[f"{name}_over_alone"] = table[f"{name}_ms"] / table[f"{name}_ms"].iloc[0]
    return table


def find_tail(table: pd.DataFrame) -> str | None:
    """``p99``, or ``p95`` where there were too few requests for that; None where there were for either.

    Args:
        table: as :func:`summarise_interference` gives it.
    """
    compared = table[table["phase"] != "between"]
    return next((name for name in ("p99", "p95") if compared[f"{name}_ms"].notna().all()), None)


def find_saturation(course: Course) -> str | None:
    """Why there is nothing to compare with: the target did not keep up with its rate before a neighbour came.

    Requests were never started, or their latency grew over the window by more than its median: a queue built up,
    and what neighbours add to that is nobody's to tell.
    """
    if course.never_started:
        return f"{course.never_started} requests were never started"
    alone = course.phase == PHASES.index("alone")
    due, latency = course.due[alone], course.latency[alone]
    if len(due) < 2:
        return "it answered none"
    grown = estimate_slope(due, latency).scaled(float(due[-1] - due[0]))
    if grown.low > float(np.median(latency)):
        return f"its latency grew by {human_seconds(grown.value)}"
    return None


def _course(samples: pa.Table, run: Run) -> Course:
    alone, beside = run.stages
    due = samples["intended_ns"].to_numpy() / 1e9
    end = samples["end_ns"].to_numpy() / 1e9
    good = samples["error"].is_null().to_numpy()
    target = samples["target"].combine_chunks()
    steady = target.indices.to_numpy() == target.dictionary.to_pylist().index(_steady_target(samples))
    # Each neighbour is asked for once and was not in memory: where nobody says so, it was cold all the same.
    cold = good & ~steady & samples["cold"].fill_null(True).to_numpy()
    cold_starts = np.stack([due[cold], end[cold]], axis=1)
    phase = np.full(len(due), -1, np.int8)
    phase[(due >= alone.ready) & (due < alone.end)] = PHASES.index("alone")
    with_neighbours = (due >= beside.ready) & (due < beside.end)
    phase[with_neighbours] = PHASES.index("between")
    for began, ended in cold_starts:
        phase[with_neighbours & (due < ended) & (end > began)] = PHASES.index("during")
    failed = phase[steady & ~good]
    own = np.flatnonzero(good & steady)
    own = own[np.argsort(due[own])]
    return Course(
        due[own],
        (end - due)[own],
        phase[own],
        cold_starts,
        tuple(int((failed == number).sum()) for number in range(len(PHASES))),
        int((~good & ~steady).sum()),
        float((steady & (phase == PHASES.index("alone"))).sum() / (alone.end - alone.ready)),
        alone.not_started or 0,
    )


def _steady_target(samples: pa.Table) -> str:
    """The target that the first request asked for."""
    first = int(np.argmin(samples["intended_ns"].to_numpy()))
    return str(samples["target"][first].as_py())
