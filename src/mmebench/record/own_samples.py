"""The samples of one stage, reduced to the numbers that its figures are computed from.

A stage may have ten million samples. They are reduced table by table, as they are read, so that they are never in
memory as a whole: what is left of each is 26 bytes.

Which samples are a stage's own depends on the loop:

* In a closed loop a sample belongs to the stage in whose window its answer was complete, so that throughput is
  counted from the same requests as latency.
* In an open loop it belongs to the stage in whose window it was *due*, whenever its answer came: a backlog that
  is answered after the window was still asked for within it, and its latency is not lost.
"""

from typing import Generic, TypeVar

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
]
"""The columns of samples that the figures need."""

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Kind = TypeVar("Kind", np.int64, np.bool_)


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


class OwnSamples:
    """Times are nanoseconds. Arrays are of successes, in the same order."""

    def __init__(self, stage: StageWindow, most: int) -> None:
        """Args: ``most`` samples will be added, or fewer."""
        self._stage = stage
        self._end = _Column(np.int64, most)
        self._latency = _Column(np.int64, most)
        self._first_byte = _Column(np.int64, most)
        self._cold = _Column(np.bool_, most)
        self._warm = _Column(np.bool_, most)
        self._failed = [SCHEMA.empty_table().select(["status", "error"])]
        self.request_bytes = 0
        """Of failures too; and ``response_bytes``."""
        self.response_bytes = 0
        self.told = False
        """Whether the endpoint says what was cold."""
        self.present_ns = 0
        """How long requests that ended well, of whichever stage, were due and not answered within the window."""

    def add(self, samples: pa.Table) -> None:
        """Take what is the stage's own of these; they have at least :data:`COLUMNS`."""
        start_ns, end_ns = window_ns(self._stage)
        open_loop = is_open_loop(self._stage)
        at = _numbers(samples["intended_ns" if open_loop else "end_ns"])
        own = _where(samples, (at >= start_ns) & (at < end_ns))
        failed = pc.is_valid(own["error"]).to_numpy()
        good = _where(own.select(["intended_ns", "first_byte_ns", "end_ns", "cold"]), ~failed)
        intended, end, cold = _numbers(good["intended_ns"]), _numbers(good["end_ns"]), good["cold"]
        self._end.append(end)
        self._latency.append(end - intended)
        self._first_byte.append(_numbers(pc.drop_null(pc.subtract(good["first_byte_ns"], good["intended_ns"]))))
        self._cold.append(pc.fill_null(cold, False).to_numpy())
        self._warm.append(~pc.fill_null(cold, True).to_numpy())
        self._failed.append(_where(own.select(["status", "error"]), failed))
        self.request_bytes += pc.sum(own["request_bytes"]).as_py() or 0
        self.response_bytes += pc.sum(own["response_bytes"]).as_py() or 0
        self.told |= samples["cold"].null_count < len(samples)
        if open_loop:
            good = _where(samples.select(["intended_ns", "end_ns"]), pc.is_null(samples["error"]).to_numpy())
            begun = np.clip(_numbers(good["intended_ns"]), start_ns, end_ns)
            over = np.clip(_numbers(good["end_ns"]), start_ns, end_ns)
            self.present_ns += int((over - begun).sum())

    def put_in_order(self) -> None:
        """By when the answers came: several client processes send what they have in turns."""
        end = self._end.values
        if (end[1:] < end[:-1]).any():
            order = np.argsort(end, kind="stable")
            for column in (self._end, self._latency, self._cold, self._warm):
                column.values[:] = column.values[order]

    @property
    def end(self) -> Numbers:
        """When the answers were complete."""
        return self._end.values

    @property
    def latency(self) -> Numbers:
        """From the intended start to the last byte."""
        return self._latency.values

    @property
    def first_byte(self) -> Numbers:
        """From the intended start to the first byte; only of those where that is known, and in no order."""
        return self._first_byte.values

    @property
    def cold(self) -> Flags:
        """Which of them waited for their target."""
        return self._cold.values

    @property
    def warm(self) -> Flags:
        """Which of them did not; those of which the endpoint says nothing are neither."""
        return self._warm.values

    @property
    def failed(self) -> pa.Table:
        """The failures, with ``status`` and ``error``."""
        return pa.concat_tables(self._failed)


def _where(samples: pa.Table, flags: Flags) -> pa.Table:
    """The rows whose flag is set; without a copy where that is all of them."""
    return samples if flags.all() else samples.filter(pa.array(flags))


def _numbers(column: pa.ChunkedArray) -> Numbers:
    numbers: Numbers = column.to_numpy()
    return numbers
