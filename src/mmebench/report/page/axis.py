"""The axes of a chart of report.html."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmebench.report.ticks import Ticks, linear_ticks, logarithmic_ticks, need_logarithm

_ROOM = 0.6
"""Of the room that a number has where an axis has as many as it may, what it takes."""


@dataclass(frozen=True)
class Axis:
    """Which values an axis has, and where there are numbers at it."""

    name: str
    ticks: Ticks
    logarithmic: bool = False
    words: tuple[str, ...] | None = None
    """What is written at the ticks; None: their numbers."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What is written at the ticks."""
        return self.words or tuple(write(value) for value in self.ticks.at)

    def share(self, value: float) -> float:
        """How far along the axis a value is, from 0 to 1; what is off the axis is at its end."""
        low, high, at = self.ticks.low, self.ticks.high, value
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.ticks.low))
        return min(max((at - low) / (high - low), 0.0), 1.0)


def write(value: float) -> str:
    """A round number: ``0.5``, ``20`` or ``20,000``."""
    return f"{value:,.0f}" if value >= 1 and value == round(value) else f"{value:.10g}"


def from_zero(name: str, values: Iterable[float], most: int = 6, whole: bool = False) -> Axis:
    """An axis from zero to a round number above these values."""
    return Axis(name, linear_ticks(values, most, whole))


def up_to(name: str, values: Iterable[float], most: int) -> Axis:
    """An axis from zero that ends at the largest of these values, round or not."""
    known = [value for value in values if value > 0] or [1.0]
    ticks, end = linear_ticks(known, most), max(known)
    return Axis(name, Ticks(0.0, end, tuple(at for at in ticks.at if at <= end)))


def fitting(name: str, values: Sequence[float], most: int = 9) -> Axis:
    """An axis from zero, or a logarithmic one where small values would be lost."""
    if need_logarithm(values):
        return Axis(name, logarithmic_ticks(values, most), logarithmic=True)
    return from_zero(name, values)


def _apart(axis: Axis, least: float) -> tuple[float, ...]:
    """The first and the last number at an axis, and those between that are at least this share of it apart."""
    first, *between, last = axis.ticks.at
    kept = [first]
    for at in between:
        if axis.share(at) - axis.share(kept[-1]) >= least and 1 - axis.share(at) >= least:
            kept.append(at)
    return (*kept, last)


def of_loads(name: str, loads: Sequence[float], most: int) -> Axis:
    """The loads that were offered: each has its number, unless there are more than ``most`` of them, or it is so
    close to another one that both could not be read.

    They are spread by their logarithm where one is many times another, as stages that double are.
    """
    known = sorted(set(loads))
    low, high = known[0], known[-1]
    logarithmic = low > 0 and high > 4 * low
    if low == high:
        ticks = Ticks(0.0, 2 * high or 1.0, (high,))
    elif len(known) <= most:
        ticks = Ticks(low, high, _apart(Axis(name, Ticks(low, high, tuple(known)), logarithmic), _ROOM / most))
    elif logarithmic:
        ticks = logarithmic_ticks(known, most)
    else:
        ticks = linear_ticks(known, most)
    words = tuple(f"{at:.3g}" if at < 1000 else f"{at:,.0f}" for at in ticks.at)
    return Axis(name, ticks, logarithmic, words)
