"""The spec as it is, as a point of its own space."""

from typing import Any

from mmebench.spec import Spec
from mmebench.spec.changing import value_at
from mmebench.spec.tuning import Range, Tuning


def find_baseline(spec: Spec, tuning: Tuning) -> dict[str, Any] | None:
    """The values of the space that change nothing, by place; None where one of the places has no such value."""
    found = {}
    for place, dimension in tuning.space.items():
        said = value_at(spec, place)
        if isinstance(dimension, Range):
            choices = [said] if said in dimension else []
        else:  # as a person writes it: 10ms is 0.01
            choices = [choice for choice in dimension if _said_with(spec, place, choice) == said]
        if not choices:
            return None
        found[place] = choices[0]
    return found


def _said_with(spec: Spec, place: str, choice: Any) -> Any:
    ((_, varied),) = spec.trial({place: choice}).varied()
    return value_at(varied, place)
