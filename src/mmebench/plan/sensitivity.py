"""Sensitivity: which measured figure, or which assumption, would change the answer."""

from collections.abc import Iterator
from dataclasses import replace

from mmebench.plan.measured import Measured, Memory
from mmebench.plan.option import Question
from mmebench.plan.station import UNMEASURED_CONTENTION
from mmebench.record.plan import Swayed

_SMALLER = 0.98
"""Of a copy's memory: what is less makes a difference."""


def find_sways(question: Question) -> tuple[Swayed, ...]:
    """What the bounds of each figure come to, by formula, those that change the answer most first."""
    computed = question.computed()
    found = list(_sways(question))

    def apart(swayed: Swayed) -> float:
        both = (swayed.instances_low, swayed.instances_high)
        return max(float("inf") if count is None else abs(count - (computed or 0)) for count in both)

    return tuple(sorted(found, key=apart, reverse=True))


def _sways(question: Question) -> Iterator[Swayed]:
    measured = question.measured
    figures = (
        ("the memory of a copy", "memory", _with_memory),
        ("the rate of an instance", "throughput", _with_rate),
        ("the time of a load", "loads", _with_loads),
    )
    for words, name, vary in figures:
        low, high = measured.sure[name]
        if high > low:
            few, many = (replace(question, measured=vary(measured, factor)).computed() for factor in (low, high))
            yield Swayed(
                figure=words,
                low=f"{low - 1:+.1%}",
                high=f"{high - 1:+.1%}",
                instances_low=few,
                instances_high=many,
            )
    if measured.as_loaded < _SMALLER:
        yield Swayed(
            figure="how large copies get",
            low="one request",
            high="the largest batch",
            instances_low=replace(question, measured=measured.small()).computed(),
            instances_high=question.computed(),
        )
    yield from _assumed(question)


def _assumed(question: Question) -> Iterator[Swayed]:
    planning = question.planning
    if planning.contention is None and question.measured.contention is None:
        low, high = 0.0, 2 * UNMEASURED_CONTENTION
        yield _two_ways(question, "what a load slows down, in requests (not measured)", "contention", low, high)
    if planning.routing == "sticky":
        few, many = max(1, planning.busy // 2), planning.busy * 2
        yield _two_ways(question, "how many requests make an instance busy (AWS does not say)", "busy", few, many)
        yield _two_ways(question, "routing (AWS does not say)", "routing", "hashed", "random")


def _two_ways(question: Question, figure: str, field: str, low: float | str, high: float | str) -> Swayed:
    few, many = (
        replace(question, planning=question.planning.model_copy(update={field: value})).computed()
        for value in (low, high)
    )
    return Swayed(figure=figure, low=_written(low), high=_written(high), instances_low=few, instances_high=many)


def _written(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _with_memory(measured: Measured, factor: float) -> Measured:
    return replace(measured, memory=tuple(Memory(each.copy * factor, each.shared) for each in measured.memory))


def _with_rate(measured: Measured, factor: float) -> Measured:
    levels = tuple(
        level._replace(per_second=level.per_second * factor, latency=level.latency / factor)
        for level in measured.levels
    )
    return replace(measured, levels=levels)


def _with_loads(measured: Measured, factor: float) -> Measured:
    return replace(measured, loads=measured.loads * factor)
