"""Reading what a run says: everything that a plan uses of it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmebench.benchmark.experiments.cold_starts.figures import group_cold_starts, read_cold_starts
from mmebench.benchmark.experiments.interference.figures import PHASES, read_pairs
from mmebench.errors import BadInputError
from mmebench.figures.inferred_residency import infer_cold, with_inferred
from mmebench.figures.kinds import targets_of
from mmebench.figures.statistics import Estimate, estimate_rate
from mmebench.plan.measured import QUANTILES, Floats, Kind, Level, Measured, Memory
from mmebench.plan.queue import mean_of
from mmebench.plan.station import find_serving
from mmebench.record.layout import RunFiles
from mmebench.record.own_samples import COLUMNS, OwnSamples, window_ns
from mmebench.record.run import Capacity, FirstInvocation, KindCapacity, Run, StageWindow
from mmebench.record.samples import SampleFile
from mmebench.spec.endpoints.local import LOAD_CONCURRENCY

_FEWEST_ANSWERS = 50
"""Of a stage, to say how long an answer takes."""
_FEW = 0.01
"""Share of a stage's requests that may have been cold, or have failed, without it saying something else."""
_FEWEST_LOADS = 4
"""From which on the first one is left out: it loads what all share."""

_MOST_CONTENTION = 64.0
_CROWDED = 2.0
"""Times as long as on a quiet instance: with requests that took that long by themselves, a load tells nothing."""


def measure(files: RunFiles, run: Run) -> Measured:
    """What the run says.

    Raises:
        BadInputError: nothing that a plan could rest on; the message says what is missing.
    """
    capacity = run.capacity
    if capacity is None:
        raise BadInputError(f"{files.prefix}: no capacity was found; write targets: capacity, and run it again")
    if not capacity.fits:
        raise BadInputError(f"{files.prefix}: no model fits on an instance; give it more memory, and run it again")
    if not files.samples.exists():
        raise BadInputError(f"{files.prefix}: no samples; run it again")
    endpoint = run.spec.get("endpoint", {})
    for field in ("instance_count", "instances"):
        if (instances := endpoint.get(field, 1)) != 1:
            raise BadInputError(
                f"{files.prefix}: of an endpoint with {instances} instances, which does not say what one of them "
                f"does; measure one, with {field}: 1"
            )
    kinds = _kinds(run)
    levels, throughput = _levels(files, run)
    loads, load_seconds, sure_of_loads = _loads(files, capacity, kinds, levels[0])
    memory, budget, sure_of_memory = _memory(files, capacity)
    measured = Measured(
        name=files.prefix.name,
        instance_type=run.instance_type,
        platform=run.called,
        usd_per_hour=None if run.price is None else run.price.usd_per_hour,
        price_source="" if run.price is None else run.price.source,
        kinds=kinds,
        levels=levels,
        loads=loads,
        load_seconds=load_seconds,
        loads_at_once=_loads_at_once(run),
        evicting=capacity.limited_by != "limit" and files.experiment("cold_starts").table.exists(),
        contention=None,
        memory=memory,
        budget=budget,
        holds_more=capacity.limited_by == "limit",
        as_loaded=_as_loaded(capacity),
        sure={"memory": sure_of_memory, "throughput": throughput, "loads": sure_of_loads},
    )
    return replace(measured, contention=_contention(files, measured))


def _loads_at_once(run: Run) -> int | None:
    """Of a local endpoint its own rule; AWS says none."""
    asked = run.spec.get("endpoint", {})
    if asked.get("kind") != "local" or asked.get("model_cache_setting", "Enabled") != "Enabled":
        return None
    return int(asked.get("load_concurrency") or LOAD_CONCURRENCY)


def _kinds(run: Run) -> tuple[Kind, ...]:
    if not run.kinds:
        return (Kind("", 1.0, 1.0, ()),)
    targets = sum(len(kind.targets) for kind in run.kinds)
    return tuple(
        Kind(kind.name, kind.requests, len(kind.targets) / targets, tuple(kind.targets)) for kind in run.kinds
    )


def _levels(files: RunFiles, run: Run) -> tuple[tuple[Level, ...], tuple[float, float]]:
    """Those of the stages whose models were in memory, and how sure the largest rate is."""
    found = [each for window in run.stages if (each := _level(files, run, window)) is not None]
    if not found:
        raise BadInputError(
            f"{files.prefix}: no stage in which all models were in memory and {_FEWEST_ANSWERS} requests were "
            "answered, so that nobody knows how fast it is; run it with targets: capacity"
        )
    found.sort(key=lambda each: each[0].present)
    levels = tuple(level for level, _ in found)
    _, best = max(found, key=lambda each: each[0].per_second)
    return levels, (best.low / best.value, best.high / best.value)


def _level(files: RunFiles, run: Run, window: StageWindow) -> tuple[Level, Estimate] | None:
    inferred = infer_cold(files.samples, run.capacity)
    samples = SampleFile(files.samples, *window_ns(window))
    own = OwnSamples(window, samples.count, targets_of(run.kinds))
    for first, table in samples.tables(COLUMNS):
        own.add(table if inferred is None else with_inferred(table, inferred[first : first + len(table)]))
    whole = own.reduce()
    count, seconds = len(whole.latency), window.end - window.ready
    cold = int(np.count_nonzero(whole.cold))
    if count < _FEWEST_ANSWERS or seconds <= 0 or cold + len(whole.failed) > _FEW * count:
        return None
    rate = estimate_rate(np.sort(whole.end), *window_ns(window)).scaled(1e9)
    mean = float(whole.latency.mean()) / 1e9
    # Not taken from ``whole`` after this: what follows puts its arrays in another order.
    warm = whole.latency[~whole.cold] / 1e9
    parts = [part.latency[~part.cold] / 1e9 for part in own.reduce_kinds()] if run.kinds else [warm]
    latency = np.stack([_quantiles(part if len(part) >= _FEWEST_LOADS else warm) for part in parts])
    return Level(count / seconds * mean, count / seconds, latency), rate


def _quantiles(values: npt.NDArray[np.float64]) -> Floats:
    """Observed values, at the middles of equal parts."""
    ordered = np.sort(values)
    places = ((np.arange(QUANTILES) + 0.5) / QUANTILES * len(ordered)).astype(np.int64)
    found: Floats = ordered[places]
    return found


def _loads(
    files: RunFiles, capacity: Capacity, kinds: Sequence[Kind], quiet: Level
) -> tuple[Floats, dict[int, float], tuple[float, float]]:
    """Of each kind the seconds of a load alone; how long so many at once take; and how sure the first is.

    Loads of the filling, which evicted nobody, are told by only where nothing else was measured.
    """
    table = files.experiment("cold_starts").table
    groups = group_cold_starts(read_cold_starts(table)) if table.exists() else []
    found, weighted = [], np.zeros(2)
    for number, kind in enumerate(kinds):
        by_itself = [rows for (name, count), rows in groups if (name or "") == kind.name and count == 1]
        seconds = [each for rows in by_itself for each in rows["seconds"]] or list(
            _alone(capacity.cold_starts, kind)
        )
        if not seconds:
            raise BadInputError(
                f"{files.prefix}: no {kind.name or 'model'} was loaded while it was filled, so that nobody knows "
                "how long that takes; run it again"
            )
        values = np.array(seconds, float)
        found.append(np.maximum(_quantiles(values) - float(np.median(quiet.latency[number])), 1e-4))
        spread = 2 * values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else values[0] / 2
        weighted += kind.requests * np.array([values.mean(), spread])
    together: dict[int, list[float]] = {}
    for (_, count), rows in groups:
        together.setdefault(count, []).extend(_at_once(rows, count))
    means = {count: float(np.mean(each)) for count, each in together.items() if each}
    mean, spread = weighted
    means.setdefault(1, mean)
    return np.stack(found), means, (max(0.05, 1 - spread / mean), 1 + spread / mean)


def _at_once(rows: pd.DataFrame, count: int) -> Iterator[float]:
    """Seconds of loads of which so many were always on their way.

    The first so many begin together, and find room that others have left.
    """
    seconds = rows["seconds"].to_numpy(float)
    if "asked_s" in rows:
        yield from seconds[count:] if len(seconds) > count else seconds
        return
    # In tables of old so many began together, and the next ones when all of them were done.
    for first in range(0, len(seconds) - count + 1, count):
        yield float(seconds[first : first + count].max())


def _alone(loads: Sequence[FirstInvocation], kind: Kind) -> Iterator[float]:
    own = [load.seconds for load in loads if (load.kind or "") == kind.name]
    yield from own[1:] if len(own) >= _FEWEST_LOADS else own


def _memory(files: RunFiles, capacity: Capacity) -> tuple[tuple[Memory, ...], float, tuple[float, float]]:
    """Of each kind, how much there is, and how sure the first is."""
    if not capacity.kinds:
        bounds, each = capacity.bytes_per_copy_bounds, capacity.bytes_per_copy
        sure = (bounds[0] / each, bounds[1] / each) if bounds and each else (1.0, 1.0)
        return (Memory(1.0),), float(capacity.fits), (max(sure[0], 0.05), sure[1])
    if any(kind.bytes_per_copy is None for kind in capacity.kinds):
        raise BadInputError(
            f"{files.prefix}: its record does not say what a copy of each model takes of memory: one of them was "
            "never in it, or the endpoint does not say; run it with a share of targets for each"
        )
    memory = tuple(Memory(kind.bytes_per_copy or 0.0, kind.bytes_shared or 0.0) for kind in capacity.kinds)
    used = sum(
        each.copy * kind.fits + (each.shared if kind.fits else 0.0)
        for each, kind in zip(memory, capacity.kinds, strict=True)
    )
    low, high = (sum(_bound(kind, number) * kind.fits for kind in capacity.kinds) for number in (0, 1))
    copies = sum(each.copy * kind.fits for each, kind in zip(memory, capacity.kinds, strict=True))
    return memory, used, (max(low / copies, 0.05), high / copies)


def _as_loaded(capacity: Capacity) -> float:
    loaded, grown = capacity.bytes_per_copy_before_growth, capacity.bytes_per_copy
    return min(1.0, loaded / grown) if loaded and grown else 1.0


def _bound(kind: KindCapacity, number: int) -> float:
    return kind.bytes_per_copy_bounds[number] if kind.bytes_per_copy_bounds else kind.bytes_per_copy or 0.0


def _contention(files: RunFiles, measured: Measured) -> float | None:
    """From what requests took beside a load, against none; of a fleet the mean over its pairs."""
    found = []
    for pair in read_pairs(Path(files.experiment("interference").loads)):
        latency, phase = pair.course.latency, pair.course.phase
        alone, during = (latency[phase == PHASES.index(name)] for name in ("alone", "during"))
        if min(len(alone), len(during)) >= _FEWEST_ANSWERS and alone.mean() <= _CROWDED * measured.at_rest:
            found.append(_as_requests(measured, pair.course.rate, float(during.mean() / alone.mean())))
    return float(np.mean(found)) if found else None


def _as_requests(measured: Measured, rate: float, slower: float) -> float:
    """Which contention makes so many requests a second, on average, so many times slower."""
    low, high = 0.0, _MOST_CONTENTION
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _slowed(measured, rate, middle) < slower else (low, middle)
    return low


def _slowed(measured: Measured, rate: float, contention: float) -> float:
    """How many times slower requests are while there is a load."""
    found = find_serving(measured, contention, rate, 2)
    if found is None:
        return math.inf
    alone, beside = found
    return mean_of(beside) / mean_of(alone)
