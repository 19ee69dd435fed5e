"""What if the same models are hosted another way: as inference components, or one endpoint each?"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from mmebench.figures.cost import HOURS_A_MONTH
from mmebench.plan.hosting import InMemory
from mmebench.plan.option import Question
from mmebench.plan.prediction import Tail
from mmebench.record.plan import Scenario
from mmebench.units import human_number, human_seconds

_FACTORS = tuple(4.0**power for power in range(-4, 5))
"""Of the traffic, at which all three are compared."""
_HALVINGS = 4
"""Of the step between two of them, until the break-even is told."""


class _Ways(NamedTuple):
    """Instances that each takes; None where no number holds the objectives."""

    multi_model: int | None
    components: int | None
    single: int | None


def ask(question: Question, instances: int) -> Scenario:
    """What each takes for this traffic, and from how much traffic on another is no dearer."""
    in_memory, demand = InMemory(question), question.demand

    @cache
    def ways(factor: float) -> _Ways:
        scaled = demand.scaled(factor)
        multi_model = instances if factor == 1 else replace(question, demand=scaled).computed()
        components = in_memory.components(scaled)
        return _Ways(multi_model, None if components is None else components[0], in_memory.single(scaled))

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
        answers.append(_break_even(question, "a component a model", lambda found: found.components, ways))
        answers.append(_break_even(question, "an endpoint a model", lambda found: found.single, ways))
    return Scenario(
        name="hosting",
        title="Hosted another way, in instances",
        answer="; ".join(answers),
        rows=tuple({_HOURLY: _hourly(question, factor), **ways(factor)._asdict()} for factor in _FACTORS),
    )


_HOURLY = "requests_an_hour_a_model"


def _described(question: Question, what: str, instances: int, tail: Tail) -> str:
    price = question.measured.usd_per_hour
    dollars = "" if price is None else f", ${price * HOURS_A_MONTH * instances:,.0f} a month"
    return f"{what}{dollars}, with p99 {human_seconds(tail.p99)} and no cold starts"


def _break_even(
    question: Question, name: str, of: Callable[[_Ways], int | None], ways: Callable[[float], _Ways]
) -> str:
    """From how many requests an hour a model on it takes no more instances than a multi-model endpoint."""

    def as_good(factor: float) -> bool:
        found = ways(factor)
        other = of(found)
        return other is not None and (found.multi_model is None or other <= found.multi_model)

    if as_good(_FACTORS[0]):
        return f"{name} takes no more than multi-model at any traffic that was looked at"
    first = next((factor for factor in _FACTORS if as_good(factor)), None)
    if first is None:
        most = human_number(_hourly(question, _FACTORS[-1]))
        return f"{name} takes more than multi-model up to {most} requests an hour a model"
    low, high = first / 4, first
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if as_good(middle) else (middle, high)
    from_here = human_number(_hourly(question, high))
    return f"{name} takes no more than multi-model from {from_here} requests an hour a model on"


def _hourly(question: Question, factor: float) -> float:
    return question.demand.rate * factor * 3600 / question.demand.models
