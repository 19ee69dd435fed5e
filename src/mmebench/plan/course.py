"""The course of a simulation: what it is like from one stretch of time to the next, around what happens in it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.plan.option import Question, known
from mmebench.plan.simulation import kernel
from mmebench.plan.simulation.simulated import fleet_of
from mmebench.plan.station import contention_of, hardware_of
from mmebench.record.plan import Moment

_STRETCHES = 60
_IN_A_ROW = 3
"""Stretches that must be as before: one may be by chance."""
_IN_FLIGHT = 1 << 16
"""Requests that may wait for one instance while too few are there."""
_BACK = 0.01
"""So near to the hit ratio of before, it is back."""


class Course(NamedTuple):
    """From stretch to stretch."""

    moments: tuple[Moment, ...]
    recovered: float | None
    """Seconds from what happened until the objectives hold and the hit ratio is back; None: not seen."""
    lost: int
    """Requests that were on an instance when it went."""


def follow(
    question: Question,
    requests: npt.NDArray[np.void],
    steps: Sequence[tuple[float, int]],
    happens: float,
    filled: bool = True,
    usual: float | None = None,
) -> Course:
    """Simulate these requests while the number of instances changes.

    Args:
        question: on what they are served.
        requests: of :data:`~mmebench.plan.simulation.kernel.REQUEST`.
        steps: seconds and numbers of instances, the first at 0.
        happens: the second from which on the course is told; with ``filled`` what was before is, too.
        filled: whether memory is full at first.
        usual: the hit ratio that is to come back; that of before unless told.
    """
    planning, measured = question.planning, question.measured
    fleet = fleet_of(question.demand, planning, steps[0][1])._replace(
        step_times=np.array([float(at) for at, _ in steps]),
        step_counts=np.array([count for _, count in steps]),
        filled=filled,
    )
    hardware = hardware_of(measured, contention_of(measured, planning.contention))
    kernel.simulate(requests, hardware, fleet, min(len(requests), _IN_FLIGHT))
    started, latency, cold = requests["started"], requests["latency"], requests["cold"] > 0
    answered = started + latency
    end = float(requests["time"][-1])
    begin = max(0.0, happens - (end - happens) / 4) if filled else 0.0
    edges = np.linspace(begin, end, _STRETCHES + 1)
    if usual is None:
        usual = _hit_ratio(cold[(started >= begin) & (started < happens)])
    moments, well = [], []
    for low, high in pairwise(edges):
        own = (started >= low) & (started < high) & ~np.isnan(latency)
        hits = _hit_ratio(cold[own])
        p99 = float(np.quantile(latency[own], 0.99)) if own.any() else np.nan
        moments.append(
            Moment(
                seconds=float(high - happens),
                hit_ratio=known(hits),
                p99_ms=known(p99 * 1e3),
                unanswered=int(np.count_nonzero((started < high) & (answered >= high))),
            )
        )
        well.append(hits >= usual - _BACK and _holds(question, latency[own], cold[own], requests["target"][own]))
    recovered = _since_when(well, edges - happens, steps[-1][0] - happens)
    return Course(tuple(moments), recovered, int(np.isnan(latency).sum()))


def _hit_ratio(cold: npt.NDArray[np.bool_]) -> float:
    return float(1 - cold.mean()) if len(cold) else np.nan


def _holds(
    question: Question,
    latency: npt.NDArray[np.float32],
    cold: npt.NDArray[np.bool_],
    targets: npt.NDArray[np.int32],
) -> bool:
    prediction = question.prediction_of(latency.astype(np.float64), cold, question.demand.kinds[targets])
    return not prediction.missed(question.objectives, question.kinds)


def _since_when(well: Sequence[bool], edges: npt.NDArray[np.float64], last: float) -> float | None:
    """Since when it is well after what happened, and stays so for three stretches after the last change."""
    first = int(np.searchsorted(edges, -1e-9))
    for number in range(first, len(well) - _IN_A_ROW + 1):
        if edges[number + 1] > last and all(well[number : number + _IN_A_ROW]):
            while number > first and well[number - 1]:
                number -= 1
            return max(0.0, float(edges[number]))
    return None
