"""Demand: which models there are, how often each is asked for, and when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mmebench.errors import BadInputError
from mmebench.plan.measured import QUANTILES, Kind
from mmebench.plan.simulation.kernel import REQUEST
from mmebench.spec.planning import Planning
from mmebench.spec.traffic import TraceTraffic, ZipfTraffic
from mmebench.traffic.trace_arrays import read_requests

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_MINUTE = 60.0
_LONGEST = 3_000_000
"""Requests of a trace that are simulated: those around its busiest minute."""
_FEWEST = 2_000
"""Requests that tell a p99; where the busiest minute has fewer, those before it tell it with them."""
_WARM_UP = 0.25
"""Share of requests by a law that only bring memory to what it is in the long run."""


@dataclass(frozen=True)
class Demand:
    """What is asked for. Models are numbered by their popularity, the most popular one first."""

    rate: float
    """Requests per second, of a trace in its busiest minute."""
    shares: Floats
    """Of the requests, of each model; they add up to 1."""
    kinds: npt.NDArray[np.uint8]
    """Of each model, which kind it is."""
    times: Floats | None = None
    """Of a trace: when each request around its busiest minute came, from 0 on, and ``targets``: what for."""
    targets: Numbers | None = None
    busiest: slice | None = None
    """Which of these are of its busiest minute."""

    @property
    def models(self) -> int:
        """How many there are, those that nobody asks for too."""
        return len(self.shares)

    def scaled(self, times: float) -> "Demand":
        """So many times as much of the same."""
        faster = None if self.times is None else self.times / times
        return replace(self, rate=self.rate * times, times=faster)

    def requests(self, count: int, seed: int) -> npt.NDArray[np.void]:
        """So many of them, to be simulated: those of the trace, or else at random times."""
        random = np.random.default_rng(seed)
        if self.times is not None and self.targets is not None:
            found = np.zeros(len(self.times), REQUEST)
            found["time"], found["target"] = self.times, self.targets
        else:
            found = np.zeros(count, REQUEST)
            found["time"] = np.cumsum(random.exponential(1 / self.rate, count))
            cumulative = np.cumsum(self.shares)
            found["target"] = np.searchsorted(cumulative, random.random(count) * cumulative[-1], side="right")
        found["chance"] = random.integers(0, QUANTILES, len(found), np.uint16)
        return found

    def looked_at(self, count: int) -> slice:
        """Which of so many of :meth:`requests` a prediction is told by; the others come before or after."""
        return slice(int(_WARM_UP * count), count) if self.busiest is None else self.busiest


def demand_of(planning: Planning, kinds: Sequence[Kind]) -> Demand:
    """What is planned for, of a fleet of these kinds.

    Raises:
        BadInputError: a trace cannot be read, or asks for more models than there are.
    """
    match planning.traffic:
        case ZipfTraffic(s=s, rate=rate):
            assert planning.models is not None, "the spec asks for it"
            shares, of_kind = _by_zipf(s, planning.models, kinds)
            demand = Demand(rate, shares, of_kind)
        case TraceTraffic() as traffic:
            demand = _by_trace(traffic, planning.models, kinds)
        case other:
            raise TypeError(f"traffic {other.kind} cannot be planned for")
    return demand.scaled(planning.times) if planning.times != 1 else demand


def _by_zipf(s: float, models: int, kinds: Sequence[Kind]) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Within each kind by its law, the kinds by their parts."""
    counts = _counts(models, kinds)
    shares, of_kind = [], []
    for number, (kind, count) in enumerate(zip(kinds, counts, strict=True)):
        weights = np.arange(1, count + 1) ** -s
        shares.append(kind.requests * weights / weights.sum())
        of_kind.append(np.full(count, number, np.uint8))
    return _by_popularity(np.concatenate(shares), np.concatenate(of_kind))


def _by_popularity(shares: Floats, of_kind: npt.NDArray[np.uint8]) -> tuple[Floats, npt.NDArray[np.uint8]]:
    order = np.argsort(-shares, kind="stable")
    return shares[order] / shares.sum(), of_kind[order]


def _counts(models: int, kinds: Sequence[Kind]) -> list[int]:
    """Of each kind, in their proportions, at least one."""
    if models < len(kinds):
        raise BadInputError(
            f"plan.models: got {models} for a fleet of {len(kinds)} kinds; give at least one of each"
        )
    ends = np.round(np.cumsum([kind.targets for kind in kinds]) * models).astype(int)
    counts = np.maximum(np.diff([0, *ends]), 1)
    counts[counts.argmax()] -= counts.sum() - models
    return [int(count) for count in counts]


def _by_trace(traffic: TraceTraffic, models: int | None, kinds: Sequence[Kind]) -> Demand:
    times, codes, names = read_requests(traffic.path)
    asked = np.bincount(codes)
    if models is not None and len(asked) > models:
        raise BadInputError(
            f"{traffic.path}: got {len(asked):,} targets for plan.models {models:,}; allowed: up to as many; "
            "raise models, or leave it out"
        )
    of_kind = _kinds_by_name(names, kinds, traffic)
    order = np.argsort(-asked, kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    more = max(len(asked), models or 0) - len(asked)
    shares = np.concatenate([asked[order] / len(codes), np.zeros(more)])
    rest = np.resize(of_kind[order], more) if more else np.empty(0, np.uint8)
    times = (times - times[0]) / traffic.speed
    if times[-1] <= 0:
        raise BadInputError(f"{traffic.path}: all of its requests are at the same time; give a longer trace")
    minutes, per_minute = np.unique((times / _MINUTE).astype(np.int64), return_counts=True)
    # The last one is rarely whole, and of a trace of less than a minute there is no other.
    whole = per_minute[:-1] if len(per_minute) > 1 else per_minute
    busiest = int(minutes[whole.argmax()])
    rate = whole.max() / (_MINUTE if len(per_minute) > 1 else times[-1])
    first, last = (int(np.searchsorted(times, (busiest + after) * _MINUTE)) for after in (0, 1))
    first = max(0, min(first, last - _FEWEST))
    end = max(last, min(len(times), _LONGEST))
    part = slice(max(0, end - _LONGEST), end)
    return Demand(
        float(rate),
        shares,
        np.concatenate([of_kind[order], rest]).astype(np.uint8),
        times[part] - times[part.start],
        ranks[codes[part]],
        slice(max(first - part.start, 0), last - part.start),
    )


def _kinds_by_name(names: Sequence[str], kinds: Sequence[Kind], traffic: TraceTraffic) -> npt.NDArray[np.uint8]:
    """Of each target of a trace: the kind that has one of its name, or whose name it begins with."""
    if len(kinds) == 1:
        return np.zeros(len(names), np.uint8)
    known = {name: number for number, kind in enumerate(kinds) for name in kind.names}
    longest_first = sorted(enumerate(kinds), key=lambda each: -len(each[1].name))
    found = []
    for name in names:
        number = known.get(
            name, next((number for number, kind in longest_first if name.startswith(kind.name)), None)
        )
        if number is None:
            raise BadInputError(
                f"{traffic.path}: got target {name!r}; allowed: names that begin with that of their kind of "
                f"model, {', '.join(kind.name for kind in kinds)}; rename it, or plan by zipf"
            )
        found.append(number)
    return np.array(found, np.uint8)
