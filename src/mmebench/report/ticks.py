"""Where an axis has its numbers: at 1, 2, 5 and their multiples by ten."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

STEPS = (1, 2, 5)
_POWERS = [10.0**decade for decade in range(-6, 10)]
_ROUND = [step * power for power in _POWERS for step in STEPS]
_WIDE = 20.0
"""Values that differ by more than this factor need a logarithmic axis."""


class Ticks(NamedTuple):
    """An axis from ``low`` to ``high``, both of which are round numbers."""

    low: float
    high: float
    at: tuple[float, ...]


def need_logarithm(values: Iterable[float]) -> bool:
    """Whether small ones among these values would be lost on an axis from zero."""
    known = [value for value in values if value > 0]  # NaN is not
    return bool(known) and max(known) > _WIDE * min(known)


def logarithmic_ticks(values: Iterable[float], most: int = 12) -> Ticks:
    """From a round number below these values to one above them.

    At least two numbers however close the values are, and not more than ``most`` however far apart: then each
    power of ten, or of a thousand.
    """
    known = [value for value in values if value > 0] or [1.0]  # NaN is not
    low = max(bisect_right(_ROUND, min(known)) - 1, 0)
    high = min(max(bisect_left(_ROUND, max(known)), low + 1), len(_ROUND) - 1)
    shown = _ROUND[low : high + 1]
    for wanted in (_POWERS, _POWERS[::3]):
        if len(shown) > most:
            shown = [number for number in shown if number in wanted]
    return Ticks(_ROUND[low], _ROUND[high], tuple(shown))


def linear_ticks(values: Iterable[float], most: int = 6, whole: bool = False) -> Ticks:
    """From zero to a round number that is not below these values.

    Args:
        values: what is shown; NaN is not.
        most: so many numbers at the axis.
        whole: what is counted has no halves.
    """
    top = max((value for value in values if value > 0), default=1.0)
    smallest = top / (most - 1)
    least = max(smallest * (1 - 1e-9), 1.0 if whole else 0.0)
    step = next((each for each in _ROUND if each >= least), _ROUND[-1])
    count = max(math.ceil(top / step - 1e-9), 1)
    return Ticks(0.0, step * count, tuple(step * number for number in range(count + 1)))
