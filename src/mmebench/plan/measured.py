"""What a plan rests on: what one run measured of an instance, as far as a plan can use it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

QUANTILES = 1024
"""By which a distribution is kept: the middles of so many equal parts."""
Floats = npt.NDArray[np.float64]


class Level(NamedTuple):
    """A stage of the load: how an instance answers with so many requests at once."""

    present: float
    """Requests in service, on average."""
    per_second: float
    latency: Floats
    """Seconds, ``[kind, quantile]``, of requests whose model was in memory."""


class Memory(NamedTuple):
    """Of one kind of model, in the unit of :attr:`Measured.budget`."""

    copy: float
    shared: float = 0.0
    """What the first copy takes beside that."""


class Kind(NamedTuple):
    """One kind of model."""

    name: str
    """Empty where there is only one."""
    requests: float
    """Its share of all requests."""
    targets: float
    """Its share of all models."""
    names: tuple[str, ...]
    """Of its targets in the run."""


@dataclass(frozen=True)
class Measured:
    """One run, as a plan sees it: an instance that serves, loads and has room."""

    name: str
    instance_type: str
    platform: str
    usd_per_hour: float | None
    price_source: str
    kinds: tuple[Kind, ...]
    levels: tuple[Level, ...]
    """By ``present``, ascending; at least one."""
    loads: Floats
    """Seconds that loading takes alone, ``[kind, quantile]``: a cold first invocation less a warm one."""
    load_seconds: Mapping[int, float]
    """Seconds of a load while so many go on, all the time; of 1, and of others where that was measured."""
    loads_at_once: int | None
    """How many go on at a time, while others wait for their turn; None where nobody says, or none waits."""
    evicting: bool
    """Whether loads are those of a full endpoint, which evicts for them; else of its filling."""
    contention: float | None
    """How many requests a load slows requests down as; None where that was not measured."""
    memory: tuple[Memory, ...]
    """Of each kind."""
    budget: float
    """What there is for all: in copies where there is one kind of model, else in bytes."""
    holds_more: bool
    """Whether nobody tried more than fitted, as ``targets.limit`` ended the filling."""
    as_loaded: float
    """Memory of a copy after its first request, over what it has when it is as large as the load can make it; 1
    where nobody says."""
    sure: Mapping[str, tuple[float, float]]
    """Bounds of what was measured, over its value: ``memory`` of a copy, ``throughput``, ``loads``,
    ``contention``."""

    def small(self) -> "Measured":
        """With copies that stay as they are after their first request."""
        memory = tuple(Memory(each.copy * self.as_loaded, each.shared) for each in self.memory)
        return replace(self, memory=memory, as_loaded=1.0)

    @property
    def at_rest(self) -> float:
        """Seconds of a request on an instance as quiet as the quietest that was measured, on average."""
        first = self.levels[0]
        return first.present / first.per_second

    @property
    def most_per_second(self) -> float:
        """The largest rate of answers that was measured."""
        return max(level.per_second for level in self.levels)

    def speed(self, present: npt.ArrayLike) -> Floats:
        """Of each of so many requests at once, where 1 is that of :attr:`at_rest`.

        Between two levels the rate of all together is on a straight line; beyond the last it stays as it is. With
        fewer requests than the first level has, none is quicker than there.
        """
        at_once = np.asarray(present, float)
        counts = np.array([0.0, *(level.present for level in self.levels)])
        rates = np.array([0.0, *(level.per_second for level in self.levels)])
        each = np.interp(at_once, counts, rates) / np.maximum(at_once, 1e-12)
        speed: Floats = np.where(at_once > 0, np.minimum(each * self.at_rest, 1.0), 1.0)
        return speed

    def loading_speed(self, loads: npt.ArrayLike) -> Floats:
        """Of each of so many loads at once, beside no request, where 1 is that of one alone.

        What was measured with several tells; beyond that, and where nobody measured it, loads take turns.
        """
        counts = np.array([0.0, *sorted(self.load_seconds)])
        together = np.array([0.0, *(count / self.load_seconds[int(count)] for count in counts[1:])])
        together = np.maximum.accumulate(together) * self.load_seconds[1]
        at_once = np.maximum(np.asarray(loads, float), 1.0)
        speed: Floats = np.minimum(np.interp(at_once, counts, together) / at_once, 1.0)
        return speed
