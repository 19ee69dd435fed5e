"""Tuning: which fields of a spec may be changed to what, and what the best of these configurations is best at."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from mmebench.spec.strict import Duration, Strict, first_repeated
from mmebench.spec.variants import Place, check_places, name_changes, plain

_DIGITS = 3
"""Of a number between two bounds: a difference of one in a thousand is nobody's configuration."""


class Range(Strict):
    """Numbers from one to another; whole ones where both are, and the step."""

    model_config = ConfigDict(populate_by_name=True)

    first: int | float = Field(alias="from", allow_inf_nan=False)
    last: int | float = Field(alias="to", allow_inf_nan=False)
    step: int | float | None = Field(
        None, gt=0, allow_inf_nan=False, description="from one to the next; of whole numbers 1 unless told"
    )
    log: bool = Field(False, description="as many between 1 and 10 as between 10 and 100")

    @model_validator(mode="after")
    def _upwards(self) -> Self:
        if self.last <= self.first:
            raise ValueError(f"got from {self.first:g} to {self.last:g}; allowed: upwards; swap them")
        if self.log and self.first <= 0:
            raise ValueError(f"got log from {self.first:g}; allowed: above 0; begin higher, or leave out log")
        if self.log and self.step is not None:
            raise ValueError("got both log and step; give one of them")
        return self

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole ones."""
        return all(isinstance(bound, int) for bound in (self.first, self.last, self.step or 1))

    @property
    def count(self) -> int | None:
        """How many numbers there are; None where they are without number."""
        return None if self._step is None else math.floor((self.last - self.first) / self._step + 1e-9) + 1

    @property
    def _step(self) -> int | float | None:
        return self.step or (1 if self.whole else None)

    def at(self, number: int) -> int | float:
        """The one with this number, from 0 on, where they have numbers."""
        assert self._step is not None, "these are without number"
        return self.rounded(self.first + number * self._step)

    @property
    def samples(self) -> tuple[int | float, ...]:
        """The first, the last, and one between them."""
        if self.count is not None:
            return tuple(self.at(number) for number in sorted({0, self.count // 2, self.count - 1}))
        middle = math.sqrt(self.first * self.last) if self.log else (self.first + self.last) / 2
        return self.first, self.rounded(middle), self.last

    def rounded(self, value: float) -> int | float:
        """As it is measured and written."""
        if self.whole:
            return round(value)
        digits = _DIGITS if self.step is None else 10
        return min(max(float(f"{value:.{digits}g}"), self.first), self.last)

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not self.first <= value <= self.last or self.count is None or self._step is None:
            return self.first <= value <= self.last
        return math.isclose(self.at(round((value - self.first) / self._step)), value)


Choices = Annotated[tuple[Any, ...], Field(min_length=2, examples=[[1, 8, 32]])]
Dimension = Annotated[
    Annotated[Choices, Tag("(choices)")] | Annotated[Range, Tag("(range)")],
    Discriminator(lambda value: "(choices)" if isinstance(value, list | tuple) else "(range)"),
]
"""What a place may be: one of several values, or a number between two."""

Goal = Literal["throughput", "capacity", "capacity_throughput", "cost", "p99"]


class Tuning(Strict):
    """Which fields may be changed, what is to be best, and how much may be tried."""

    space: dict[Place, Dimension] = Field(
        min_length=1,
        description="values by place of the spec, as in variants: a list of choices, or {from: 1, to: 8}",
        examples=[{"platforms.0.max_batch_size": [1, 8, 32], "platforms.0.instances": {"from": 1, "to": 4}}],
    )
    goal: Goal = Field(
        "throughput",
        description="throughput: most requests/s within the objectives; capacity: most copies; "
        "capacity_throughput: their product, for a dollar where there is a price; cost: least for a million "
        "requests; p99: least at the largest load",
    )
    trials: int = Field(30, ge=1, le=1000, description="configurations that are tried at most")
    time: Duration | None = Field(None, gt=0, description="no further one is begun that would end later")
    dollars: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="no further one is begun that would cost more"
    )
    prune: bool = Field(
        True, description="end a trial whose stages so far are worse than those of half of the others"
    )
    seed: int = Field(0, ge=0, description="of what is tried first")

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        check_places(self.space)
        for place, dimension in self.space.items():
            if isinstance(dimension, tuple) and (twice := first_repeated(map(plain, dimension))):
                raise ValueError(f"space.{place}: got two choices that are called {twice}; allowed: each once")
        return self

    @property
    def combinations(self) -> int | None:
        """How many there are; None where they are without number."""
        counts = [each.count if isinstance(each, Range) else len(each) for each in self.space.values()]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    @property
    def most(self) -> int:
        """How many trials there can be."""
        return min(self.trials, self.combinations or self.trials)

    @property
    def all_are_tried(self) -> bool:
        """Whether there are no more than may be tried."""
        return self.combinations is not None and self.combinations <= self.trials

    def has(self, changes: Mapping[str, Any]) -> bool:
        """Whether these are values of the space, one for each place."""
        return changes.keys() == self.space.keys() and all(
            value in dimension if isinstance(dimension, Range) else plain(value) in map(plain, dimension)
            for value, dimension in ((changes[place], dimension) for place, dimension in self.space.items())
        )

    def name(self, changes: Mapping[str, Any]) -> str:
        """What the trial with these values is called, as a grid calls it."""
        return name_changes(changes, self.space)

    def every(self) -> Iterator[dict[str, Any]]:
        """All combinations, of a space in which they have numbers."""
        of_each = (
            map(each.at, range(each.count or 0)) if isinstance(each, Range) else each
            for each in self.space.values()
        )
        return (dict(zip(self.space, values, strict=True)) for values in product(*of_each))


def single_changes(tuning: Tuning) -> Sequence[dict[str, Any]]:
    """Each value that may be chosen, of a range some, as a change of its own; each must make a spec."""
    return [
        {place: value}
        for place, dimension in tuning.space.items()
        for value in (dimension.samples if isinstance(dimension, Range) else dimension)
    ]
