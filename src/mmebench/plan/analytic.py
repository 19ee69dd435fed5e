"""The plan computed: residency and two queues an instance, which depend on each other and are solved together.

1. Requests are shared out among instances by the routing (:mod:`mmebench.plan.spread`).
2. What is in memory follows from how often each copy is asked for, and how long a load takes
   (:mod:`mmebench.plan.residency`): which share of the requests waits, and how many loads there are.
3. Loads and requests in service are two queues of an instance, each as fast as the other leaves it
   (:mod:`mmebench.plan.station`, :mod:`mmebench.plan.queue`); how long a load takes goes back to 2.
4. A request takes what one of the measured latencies comes to at the speeds that it finds, and where it waits for
   a load, what that takes, or what is left of it: drawn many times, these are the latencies of the prediction.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmebench.plan.demand import Demand
from mmebench.plan.measured import QUANTILES, Measured
from mmebench.plan.prediction import Prediction
from mmebench.plan.queue import mean_of
from mmebench.plan.residency import Copies, find_residency
from mmebench.plan.spread import Part, spread
from mmebench.plan.station import (
    contention_of,
    find_loading,
    find_serving,
    loading_speed,
    mean_load,
    nearest_levels,
    serving_speed,
    work_of,
)
from mmebench.spec.planning import Planning

Floats = npt.NDArray[np.float64]
Drawn = tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.uint8]]
"""Of each request: its latency, whether it was cold, and the kind of its model."""

_DRAWS = 50_000
_ROUNDS = 20
"""In which the two queues and the memory come to terms."""
_MOMENTS = 2
"""At which a request finds others beside it: so much of the company changes while it is served."""


@dataclass(frozen=True)
class _Balance:
    """How an instance is in the long run."""

    loads: Floats
    """The probability of 0, 1, 2, … loads under way."""
    serving: list[Floats]
    """Beside so many loads, the probability of 0, 1, 2, … requests in service: loads take so much longer than
    requests that each number of them is a state of its own."""
    requests: float
    """In service on average."""
    load_seconds: float
    """From a load's beginning to its end, on average."""
    cold: Floats
    """Of each model of its part: the share of its requests that wait."""
    loads_per_s: float


def predict(measured: Measured, demand: Demand, planning: Planning, instances: int) -> Prediction:
    """How requests go on so many instances."""
    contention = contention_of(measured, planning.contention)
    parts = spread(measured, demand, planning, instances)
    balances = [_balance(measured, part, contention) for part in parts]
    found = [each for each in balances if each is not None]
    loads = sum(each.loads_per_s * part.instances for each, part in zip(found, parts, strict=False))
    keeps_up = len(found) == len(parts)
    latency, cold, kind = _draw(measured, planning, parts, found, contention) if keeps_up else _nothing()
    return Prediction(
        instances=instances,
        keeps_up=keeps_up,
        requests_per_s=demand.rate,
        latency=latency,
        cold=cold,
        kind=kind,
        loads_per_s=loads,
        utilisation=utilisation(measured, demand, instances),
        loading=loading(measured, loads, instances),
    )


def utilisation(measured: Measured, demand: Demand, instances: int) -> float:
    """Requests over the most that instances answer."""
    return demand.rate / (instances * measured.most_per_second)


def loading(measured: Measured, loads_per_s: float, instances: int) -> float:
    """Seconds of loads over what instances get done in a second, with as many at once as is best."""
    counts = np.arange(1, max(measured.load_seconds) + 1, dtype=float)
    most = float((counts * measured.loading_speed(counts)).max()) / mean_load(measured)
    return loads_per_s / (instances * most)


def _balance(measured: Measured, part: Part, contention: float) -> _Balance | None:
    """Memory and both queues of an instance; None where it never gets done."""
    alone = mean_load(measured)
    sizes = np.array([each.copy for each in measured.memory])
    of_kind = measured.loads.mean(axis=1) / alone
    kinds = part.models.kind
    room = part.memories * (measured.budget - sum(each.shared for each in measured.memory))
    load_seconds, requests, elsewhere = alone, part.rate * measured.at_rest, part.elsewhere
    state: _Balance | None = None
    for _ in range(_ROUNDS):
        found = [
            Copies(
                part.models.alike,
                share * part.models.rate,
                sizes[kinds],
                load_seconds * of_kind[kinds],
                part.models.pinned if first else np.zeros(len(kinds)),
            )
            for first, share in ((True, 1 - elsewhere), (False, elsewhere))
            if share > 0
        ]
        copies = Copies(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))
        residency = find_residency(copies, room)
        shares = (1 - elsewhere, elsewhere)[: len(found)]
        cold = np.asarray(shares) @ residency.cold.reshape(len(found), -1)
        starts = residency.loads_per_s / part.memories
        loads = find_loading(measured, contention, starts, requests)
        serving = None if loads is None else find_serving(measured, contention, part.rate, len(loads))
        if loads is None or serving is None:
            return None
        load_seconds = (load_seconds + (mean_of(loads) / starts if starts > 0 else alone)) / 2
        requests = (requests + sum(share * mean_of(each) for share, each in zip(loads, serving, strict=True))) / 2
        state = _Balance(loads, serving, requests, load_seconds, cold, starts)
        if part.busy is not None:
            busy = sum(share * float(each[part.busy :].sum()) for share, each in zip(loads, serving, strict=True))
            elsewhere = min(0.5, max(part.elsewhere, busy))
    return state


def _nothing() -> Drawn:
    return np.empty(0), np.empty(0, np.bool_), np.empty(0, np.uint8)


def _draw(
    measured: Measured, planning: Planning, parts: list[Part], balances: list[_Balance], contention: float
) -> Drawn:
    """Requests, each with the model and the company that it finds."""
    random = np.random.default_rng(planning.seed)
    weights = np.array([part.rate * part.instances for part in parts])
    counts = random.multinomial(_DRAWS, weights / weights.sum())
    drawn = [
        _draw_part(measured, part, balance, contention, int(count), random)
        for part, balance, count in zip(parts, balances, counts, strict=True)
        if count
    ]
    latency, cold, kind = (np.concatenate(arrays) for arrays in zip(*drawn, strict=True))
    return latency, cold, kind


def _draw_part(
    measured: Measured, part: Part, balance: _Balance, contention: float, count: int, random: np.random.Generator
) -> Drawn:
    models = part.models
    which = _choose(models.alike * models.rate, random, count)
    kind = models.kind[which]
    loads = _choose(balance.loads, random, count)
    present = np.empty((_MOMENTS, count), np.int64)
    for number, occupancy in enumerate(balance.serving):
        mine = np.flatnonzero(loads == number)
        present[:, mine] = 1 + _choose(occupancy, random, _MOMENTS * len(mine)).reshape(_MOMENTS, -1)
    slower = (1 / serving_speed(measured, contention, present, loads)).mean(axis=0)
    levels = nearest_levels(measured, int(present.max()) + 1)[present[0]]
    latency = work_of(measured)[levels, kind, random.integers(0, QUANTILES, count)] * slower
    cold = random.random(count) < balance.cold[which]
    beside = np.arange(1, len(balance.loads) + 1, dtype=float)
    speeds = loading_speed(measured, contention, balance.requests, beside)
    # Those that are under way leave during the load, and others come.
    part_of_it = random.random(count)
    others = _choose(balance.loads, random, count)
    slower = part_of_it / speeds[loads] + (1 - part_of_it) / speeds[others]
    wait = measured.loads[kind, random.integers(0, QUANTILES, count)] * slower
    first = random.random(count) < 1 / (1 + models.rate[which] * balance.load_seconds)
    wait = np.where(first, wait, wait * random.random(count))
    return latency + np.where(cold, wait, 0.0), cold, kind


def _choose(weights: Floats, random: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    cumulative = np.cumsum(weights)
    found = np.searchsorted(cumulative, random.random(count) * cumulative[-1], side="right")
    chosen: npt.NDArray[np.int64] = np.minimum(found, len(weights) - 1)
    return chosen
