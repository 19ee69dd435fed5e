"""What each target was asked in each stage, and how it answered."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmebench.figures.requests import Requests
from mmebench.figures.statistics import NAN, find_percentiles_of_groups
from mmebench.record.own_samples import Flags, Numbers, is_open_loop, window_ns
from mmebench.record.run import Run

COLUMNS = (
    "stage",
    "target",
    "model",
    "requests",
    "share",
    "failures",
    "cold_starts",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "idle_s",
    "evictions",
)
"""Of the table."""
_STAGES_AT_ONCE = 2
_BLOCK = 1 << 20
_SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def summarise_targets(requests: Requests, run: Run) -> pd.DataFrame:
    """A row a stage and target that was asked for in it, by stage, and within it the busiest first.

    Columns are :data:`COLUMNS`. ``stage`` is its number, from 1; ``model`` the kind of a fleet, None where there
    is one model; ``share`` of the requests of the stage; latencies are of successes, NaN where these cannot carry
    them; ``cold_starts`` are successes that waited for a load; ``idle_s`` is the mean time from one request for
    the target to the next, NaN of a single one. ``evictions`` are loads of a target that had been in memory
    before, in this load or when the endpoint was filled: requests that waited for the same load are one. Both are
    NaN where nobody knows what was cold.
    """
    kinds = {target: kind.name for kind in run.kinds for target in kind.targets}
    models = np.array([kinds.get(name) for name in requests.names], object)
    names = np.array(requests.names, object)
    loaded = {load.target for load in run.capacity.loads} if run.capacity else set()
    reloads = None if requests.waited is None else _find_reloads(requests, requests.waited, loaded)

    stages = _stage_of_each(requests, run)

    def summarise_stage(number: int) -> pd.DataFrame:
        return _of_stage(requests, np.flatnonzero(stages == number), reloads, number, names, models)

    with ThreadPoolExecutor(_STAGES_AT_ONCE) as threads:  # what takes time lets others run
        frames = list(threads.map(summarise_stage, range(1, len(run.stages) + 1)))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))


def _stage_of_each(requests: Requests, run: Run) -> npt.NDArray[np.int16]:
    """Which stage's own each request is, from 1, as :mod:`mmebench.record.own_samples` says; 0: no stage's."""
    stages = np.zeros(len(requests.end), np.int16)
    if not run.stages:
        return stages
    begins, ends = np.array([(0, 0), *map(window_ns, run.stages)]).T
    at = requests.intended if is_open_loop(run.stages[0]) else requests.end
    for first in range(0, len(at), _BLOCK):  # of them all, what is worked out on the way would be gigabytes
        own = at[first : first + _BLOCK]
        last_begun = np.searchsorted(begins[1:], own, side="right")
        stages[first : first + _BLOCK] = np.where(own < ends[last_begun], last_begun, 0)
    return stages


def _find_reloads(requests: Requests, waited: Flags, loaded: Collection[str]) -> Flags:
    """Which requests are the first to wait for a load of a target that had been in memory before."""
    cold = np.flatnonzero(waited)
    cold = cold[np.lexsort((requests.start[cold], requests.target[cold]))]
    target, start, end = requests.target[cold], requests.start[cold], requests.end[cold]
    first = np.ones(len(cold), np.bool_)
    first[1:] = target[1:] != target[:-1]
    load = first.copy()
    load[1:] |= start[1:] >= end[:-1]  # what began before that was answered waited for the same load
    before = np.array([name in loaded for name in requests.names], np.bool_)
    found = np.zeros(len(waited), np.bool_)
    found[cold[load & ~(first & ~before[target])]] = True
    return found


def _of_stage(
    requests: Requests,
    own: npt.NDArray[np.intp],
    reloads: Flags | None,
    number: int,
    names: npt.NDArray[np.object_],
    models: npt.NDArray[np.object_],
) -> pd.DataFrame:
    target, count = requests.target[own], len(names)

    def count_those(flags: Flags | None) -> npt.NDArray[np.float64]:
        if flags is None:
            return np.full(count, NAN)
        return np.bincount(target[flags[own]], minlength=count).astype(float)

    percentiles = find_percentiles_of_groups(
        *_latencies(requests, own[requests.good[own]]), count, tuple(_SHARES.values())
    )
    asked = np.bincount(target, minlength=count)
    known = np.flatnonzero(asked)
    known = known[np.lexsort((names[known].astype(str), -asked[known]))]
    return pd.DataFrame(
        {
            "stage": number,
            "target": names[known],
            "model": models[known],
            "requests": asked[known],
            "share": asked[known] / max(len(own), 1),
            "failures": (asked - count_those(requests.good))[known].astype(int),
            "cold_starts": count_those(requests.waited)[known],
            **{name: percentiles[known, at] / 1e6 for at, name in enumerate(_SHARES)},
            "idle_s": _between(requests.start[own], target, asked)[known],
            "evictions": count_those(reloads)[known],
        }
    )


def _latencies(requests: Requests, good: npt.NDArray[np.intp]) -> tuple[Numbers, npt.NDArray[np.int32]]:
    """In nanoseconds, and the targets."""
    latency = requests.end[good]
    latency -= requests.intended[good]
    return latency, requests.target[good]


def _between(
    start: Numbers, target: npt.NDArray[np.int32], asked: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Mean seconds from one request for a target to the next."""
    first, last = np.full(len(asked), np.iinfo(np.int64).max), np.zeros(len(asked), np.int64)
    np.minimum.at(first, target, start)
    np.maximum.at(last, target, start)
    return np.where(asked > 1, (last - first) / np.maximum(asked - 1, 1) / 1e9, NAN)
