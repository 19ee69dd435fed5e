"""What if the same models are hosted another way: as inference components, or one endpoint each?"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from mmebench.figures.cost import HOURS_A_MONTH
from mmebench.plan.demand import Demand
from mmebench.plan.hosting import InMemory
from mmebench.plan.option import Question
from mmebench.plan.prediction import Tail
from mmebench.record.plan import Scenario, Ways
from mmebench.units import human_number, human_seconds

_FACTORS = tuple(4.0**power for power in range(-4, 5))
"""Of the traffic, at which all three are compared."""
_HALVINGS = 4
"""Of the step between two of them, until the break-even is told."""
_POPULARITIES = (0.0, 0.8, 1.0, 1.2, 1.5)
_SIZES = (0.1, 1.0, 3.0, 10.0)
"""Of the fleet that is planned for: for so many times as many models all three are compared, too."""
_MOST_MODELS = 10_000
"""Of them; for more a formula takes seconds."""


class _Instances(NamedTuple):
    """That each way takes; None where no number holds the objectives."""

    multi_model: int | None
    components: int | None
    single: int | None


def ask(question: Question, instances: int) -> Scenario:
    """What each takes for this traffic, and from how much traffic on another is no dearer."""
    in_memory, demand = InMemory(question), question.demand

    @cache
    def at(factor: float) -> _Instances:
        return _find(question, in_memory, demand.scaled(factor), instances if factor == 1 else None)

    answers = [f"a multi-model endpoint takes {instances:,}"]
    if (components := in_memory.components(demand)) is None:
        answers.append("neither inference components nor an endpoint a model hold the objectives")
    else:
        count, limit = components
        tail = in_memory.components_tail(demand, count)
        answers.append(_described(question, f"inference components {count:,}, for {limit}", count, tail))
    if (single := in_memory.single(demand)) is not None:
        tail = in_memory.single_tail(demand)
        answers.append(_described(question, f"an endpoint a model {single:,}", single, tail))
    if components is not None:
        answers.append(_break_even(question, "a component a model", lambda found: found.components, at))
        answers.append(_break_even(question, "an endpoint a model", lambda found: found.single, at))
    return Scenario(
        name="hosting",
        title="Hosted another way, in instances",
        answer="; ".join(answers),
        rows=tuple({_HOURLY: _hourly(question, factor), **at(factor)._asdict()} for factor in _FACTORS),
        ways=tuple(_map(question, in_memory)),
    )


_HOURLY = "requests_an_hour_a_model"


def _find(question: Question, in_memory: InMemory, demand: Demand, multi_model: int | None = None) -> _Instances:
    """For this traffic; by formula, unless it is known what a multi-model endpoint takes."""
    if multi_model is None:
        multi_model = replace(question, demand=demand).computed()
    components = in_memory.components(demand)
    return _Instances(multi_model, None if components is None else components[0], in_memory.single(demand))


def _map(question: Question, in_memory: InMemory) -> Iterator[Ways]:
    """Over popularity and number of models, each asked for as often as those that are planned for; of one kind."""
    if len(question.measured.kinds) > 1:
        return
    each = question.demand.rate / question.demand.models
    sizes = {max(1, min(round(question.demand.models * size), _MOST_MODELS)) for size in _SIZES}
    for models in sorted(sizes):
        for s in _POPULARITIES:
            weights = np.arange(1, models + 1) ** -s
            demand = Demand(each * models, weights / weights.sum(), np.zeros(models, np.uint8))
            yield Ways(models=models, s=s, **_find(question, in_memory, demand)._asdict())


def _described(question: Question, what: str, instances: int, tail: Tail) -> str:
    price = question.measured.usd_per_hour
    dollars = "" if price is None else f", ${price * HOURS_A_MONTH * instances:,.0f} a month"
    return f"{what}{dollars}, with p99 {human_seconds(tail.p99)} and no cold starts"


def _break_even(
    question: Question, name: str, of: Callable[[_Instances], int | None], at: Callable[[float], _Instances]
) -> str:
    """From how many requests an hour a model on, and up to all that were looked at, it takes no more instances."""

    def as_good(factor: float) -> bool:
        found = at(factor)
        other = of(found)
        return other is not None and (found.multi_model is None or other <= found.multi_model)

    worse = [number for number, factor in enumerate(_FACTORS) if not as_good(factor)]
    if not worse:
        return f"{name} takes no more than multi-model at any traffic that was looked at"
    last = worse[-1]
    if last == len(_FACTORS) - 1:
        most = human_number(_hourly(question, _FACTORS[-1]))
        return (
            f"{name} takes more than multi-model at {most} requests an hour a model, the most that was looked at"
        )
    low, high = _FACTORS[last], _FACTORS[last + 1]
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if as_good(middle) else (middle, high)
    from_here = human_number(_hourly(question, high))
    return f"{name} takes no more than multi-model from {from_here} requests an hour a model on"


def _hourly(question: Question, factor: float) -> float:
    return question.demand.rate * factor * 3600 / question.demand.models
