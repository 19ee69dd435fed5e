"""The Pareto front of trials: those that none equals or beats in every respect at once."""

import math
from collections.abc import Sequence

from mmebench.figures.trial import Trial, TrialFigures


def find_pareto_front(trials: Sequence[Trial]) -> list[Trial]:
    """The Pareto front: those that count which no other one equals or beats in capacity, throughput, p99 and cost
    at once; in their order. Of several with the same figures it has the first.
    """
    costs = [(trial, _costs(trial.figures)) for trial in trials if trial.counts and trial.figures is not None]
    return [
        trial
        for number, (trial, own) in enumerate(costs)
        if not any(
            _at_least_as_good(other, own) and (other != own or before < number)
            for before, (_, other) in enumerate(costs)
            if before != number
        )
    ]


def _costs(figures: TrialFigures) -> tuple[float, ...]:
    """Less of each is better; what nobody knows is worst."""
    known = (-figures.capacity, -figures.throughput.value, figures.p99_ms.value, figures.cost.value)
    return tuple(math.inf if math.isnan(cost) else cost for cost in known)


def _at_least_as_good(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(own <= its for own, its in zip(one, other, strict=True))
