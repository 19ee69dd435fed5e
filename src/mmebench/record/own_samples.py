"""The samples of one stage, reduced to the numbers that its figures are computed from.

A stage may have ten million samples. They are reduced table by table, as they are read, so that they are never in
memory as a whole: what is left of each is 26 bytes, and of a fleet 28.

Which samples are a stage's own depends on the loop:

* In a closed loop a sample belongs to the stage in whose window its answer was complete, so that throughput is
  counted from the same requests as latency.
* In an open loop it belongs to the stage in whose window it was *due*, whenever its answer came: a backlog that
  is answered after the window was still asked for within it, and its latency is not lost.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mmebench.record.run import StageWindow
from mmebench.record.samples import SCHEMA

COLUMNS = [
    "intended_ns",
    "first_byte_ns",
    "end_ns",
    "status",
    "error",
    "cold",
    "request_bytes",
    "response_bytes",
    "start_ns",
    "target",
]
"""The columns of samples that the figures need."""

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Means = npt.NDArray[np.float64]
Kind = TypeVar("Kind", np.int64, np.bool_, np.int16)

_ANSWERS = 10
"""A target with fewer has no mean that says anything."""


def window_ns(stage: StageWindow) -> tuple[int, int]:
    """The window that counts."""
    return round(stage.ready * 1e9), round(stage.end * 1e9)


def is_open_loop(stage: StageWindow) -> bool:
    """Whether requests had times at which they were due."""
    return stage.due is not None or stage.rate is not None


class _Column(Generic[Kind]):
    """Values that come in parts."""

    def __init__(self, kind: type[Kind], most: int) -> None:
        self._memory: npt.NDArray[Kind] = np.empty(most, kind)  # what stays unused is never taken
        self._count = 0

    def append(self, values: npt.NDArray[Kind]) -> None:
        self._memory[self._count : self._count + len(values)] = values
        self._count += len(values)

    @property
    def values(self) -> npt.NDArray[Kind]:
        values: npt.NDArray[Kind] = self._memory[: self._count]
        return values


class Sizes(NamedTuple):
    """Of bodies, in bytes: their sum, and that of their squares."""

    total: float
    squares: float


@dataclass(frozen=True)
class Reduced:
    """What is left of a stage's own samples, or of those of one kind of model among them.

    Times are nanoseconds. Arrays are of successes, in the same order.
    """

    end: Numbers
    """When the answers were complete; ascending."""
    latency: Numbers
    """From the intended start to the last byte."""
    first_byte: Numbers
    """From the intended start to the first byte; -1 where that is not known."""
    cold: Flags
    """Which of them waited for their target."""
    warm: Flags
    """Which of them did not; those of which the endpoint says nothing are neither."""
    failed: pa.Table
    """The failures, with ``status`` and ``error``."""
    request_bytes: Sizes
    """Of failures too; and ``response_bytes``."""
    response_bytes: Sizes
    told: bool
    """Whether the endpoint says what was cold."""
    present_ns: int
    """How long requests that ended well, of whichever stage, were due and not answered within the window; 0 of a
    kind."""
    busy_ns: int
    """How long requests of whichever stage, failures too, were sent and not answered within the window; only of a
    kind."""
    target_means: Means
    """The mean latency of each target that has ten answers or more, over that of all such targets of its kind."""


class OwnSamples:
    """Takes samples as they are read."""

    def __init__(self, stage: StageWindow, most: int, kinds: Sequence[Collection[str]] = ()) -> None:
        """Args: ``most`` samples will be added, or fewer; ``kinds`` are the targets of each kind of a fleet."""
        self._stage = stage
        self._kinds = len(kinds)
        self._kind_of = {target: number for number, targets in enumerate(kinds) for target in targets}
        self._end = _Column(np.int64, most)
        self._latency = _Column(np.int64, most)
        self._first_byte = _Column(np.int64, most)
        self._cold = _Column(np.bool_, most)
        self._warm = _Column(np.bool_, most)
        self._kind = _Column(np.int16, most)
        self._failed = [SCHEMA.empty_table().select(["status", "error", "target"])]
        self._bytes = np.zeros((2, 2, self._kinds + 1))
        """Of requests and answers, the sums and those of squares."""
        self._busy_ns = np.zeros(self._kinds + 1)
        self._told = False
        self._present_ns = 0
        self._targets: dict[str, int] = {}
        self._sums = np.zeros((2, 0))
        """Latency and answers of each target."""

    def add(self, samples: pa.Table) -> None:
        """Take what is the stage's own of these; they have at least :data:`COLUMNS`."""
        start_ns, end_ns = window_ns(self._stage)
        open_loop = is_open_loop(self._stage)
        at = _numbers(samples["intended_ns" if open_loop else "end_ns"])
        mine = (at >= start_ns) & (at < end_ns)
        own, targets = _where(samples, mine), Targets(samples)
        failed = pc.is_valid(own["error"]).to_numpy()
        good = _where(own.select(["intended_ns", "first_byte_ns", "end_ns", "cold"]), ~failed)
        intended, end, cold = _numbers(good["intended_ns"]), _numbers(good["end_ns"]), good["cold"]
        self._end.append(end)
        self._latency.append(end - intended)
        self._first_byte.append(
            _numbers(pc.fill_null(pc.subtract(good["first_byte_ns"], good["intended_ns"]), -1))
        )
        self._cold.append(pc.fill_null(cold, False).to_numpy())
        self._warm.append(~pc.fill_null(cold, True).to_numpy())
        self._failed.append(_where(own.select(["status", "error", "target"]), failed))
        self._told |= samples["cold"].null_count < len(samples)
        kinds = self._kinds_of(targets)
        own_kinds = kinds[targets.codes[mine]]
        if self._kinds:
            self._kind.append(own_kinds[~failed])
        for place, name in enumerate(("request_bytes", "response_bytes")):
            sizes = _numbers(own[name]).astype(float)
            self._bytes[place] += [self._by_kind(own_kinds, sizes), self._by_kind(own_kinds, sizes**2)]
        self._add_targets(targets.names, targets.codes[mine][~failed], end - intended)
        if open_loop:
            good = _where(samples.select(["intended_ns", "end_ns"]), pc.is_null(samples["error"]).to_numpy())
            self._present_ns += int(_within(good["intended_ns"], good["end_ns"], start_ns, end_ns).sum())
        if self._kinds:
            busy = _within(samples["start_ns"], samples["end_ns"], start_ns, end_ns)
            self._busy_ns += self._by_kind(kinds[targets.codes], busy)

    def _kinds_of(self, targets: "Targets") -> npt.NDArray[np.int16]:
        """The number of the kind of each target; of one that no kind has, one more than there are."""
        return np.array([self._kind_of.get(name, self._kinds) for name in targets.names], np.int16)

    def _by_kind(self, kinds: npt.NDArray[np.int16], values: Numbers | Means) -> Means:
        """Sums."""
        if not self._kinds:
            return np.array([float(values.sum())])
        sums: Means = np.bincount(kinds, values.astype(float), self._kinds + 1).astype(float)
        return sums

    def _add_targets(self, names: list[str], codes: npt.NDArray[np.int32], latency: Numbers) -> None:
        places = [self._targets.setdefault(name, len(self._targets)) for name in names]
        self._sums = np.pad(self._sums, ((0, 0), (0, len(self._targets) - self._sums.shape[1])))
        self._sums[0, places] += np.bincount(codes, latency, len(places))
        self._sums[1, places] += np.bincount(codes, minlength=len(places))

    def reduce(self) -> Reduced:
        """All of them, by when the answers came: several client processes send what they have in turns."""
        self._put_in_order()
        return Reduced(
            *self._arrays(slice(None)),
            failed=pa.concat_tables(self._failed),
            request_bytes=Sizes(*self._bytes[0].sum(axis=1).tolist()),
            response_bytes=Sizes(*self._bytes[1].sum(axis=1).tolist()),
            told=self._told,
            present_ns=self._present_ns,
            busy_ns=0,
            target_means=np.concatenate(self._target_means()),
        )

    def reduce_kinds(self) -> Iterator[Reduced]:
        """Those of each kind in turn. What :meth:`reduce` has given is in another order from then on."""
        self._put_in_order()
        order, answered = self._one_after_another(self._kind.values)
        self._reorder(order)
        failed = pa.concat_tables(self._failed).unify_dictionaries().combine_chunks()
        targets = Targets(failed)
        order, lost = self._one_after_another(self._kinds_of(targets)[targets.codes])
        failed, means = failed.take(order), self._target_means()
        for number in range(self._kinds):
            yield Reduced(
                *self._arrays(answered[number]),
                failed=failed[lost[number]],
                request_bytes=Sizes(*self._bytes[0, :, number].tolist()),
                response_bytes=Sizes(*self._bytes[1, :, number].tolist()),
                told=self._told,
                present_ns=0,
                busy_ns=round(self._busy_ns[number]),
                target_means=means[number],
            )

    def _one_after_another(self, kinds: npt.NDArray[np.int16]) -> tuple[npt.NDArray[np.intp], list[slice]]:
        """An order in which each kind's are together, and where they are then."""
        ends = [0, *np.cumsum(np.bincount(kinds, minlength=self._kinds)).tolist()]
        return np.argsort(kinds, kind="stable"), [slice(*bounds) for bounds in pairwise(ends)]

    def _put_in_order(self) -> None:
        end = self._end.values
        if (end[1:] < end[:-1]).any():
            self._reorder(np.argsort(end, kind="stable"))

    def _reorder(self, order: npt.NDArray[np.intp]) -> None:
        for numbers in (self._end, self._latency, self._first_byte):
            numbers.values[:] = numbers.values[order]
        for flags in (self._cold, self._warm):
            flags.values[:] = flags.values[order]
        if self._kinds:
            self._kind.values[:] = self._kind.values[order]

    def _arrays(self, which: slice) -> tuple[Numbers, Numbers, Numbers, Flags, Flags]:
        """Without a copy."""
        end, latency, first = (column.values[which] for column in (self._end, self._latency, self._first_byte))
        cold, warm = (column.values[which] for column in (self._cold, self._warm))
        return end, latency, first, cold, warm

    def _target_means(self) -> list[Means]:
        """For each kind, and at last for those of none: a run of one model has only these."""
        kinds = np.array([self._kind_of.get(name, self._kinds) for name in self._targets], np.intp)
        known = np.flatnonzero(self._sums[1] >= _ANSWERS)
        known = known[np.argsort(kinds[known], kind="stable")]
        kinds, (latency, answers) = kinds[known], self._sums[:, known]
        of_kind = np.bincount(kinds, latency) / np.maximum(np.bincount(kinds, answers), 1)
        relative = latency / answers / np.where(of_kind > 0, of_kind, 1)[kinds]
        return np.split(relative, np.cumsum(np.bincount(kinds, minlength=self._kinds + 1))[:-1])


class Targets:
    """The targets of samples: ``names``, and for each sample the place of its own among them."""

    def __init__(self, samples: pa.Table) -> None:
        column = samples["target"].unify_dictionaries().combine_chunks()
        self.names: list[str] = column.dictionary.to_pylist()
        self.codes: npt.NDArray[np.int32] = column.indices.to_numpy()


def _within(begun: pa.ChunkedArray, ended: pa.ChunkedArray, start_ns: int, end_ns: int) -> Numbers:
    """How much of each of these times is within the window."""
    return np.clip(_numbers(ended), start_ns, end_ns) - np.clip(_numbers(begun), start_ns, end_ns)


def _where(samples: pa.Table, flags: Flags) -> pa.Table:
    """The rows whose flag is set; without a copy where that is all of them."""
    return samples if flags.all() else samples.filter(pa.array(flags))


def _numbers(column: pa.ChunkedArray) -> Numbers:
    numbers: Numbers = column.to_numpy()
    return numbers
