"""The recorder: takes every sample of a load and loses none that was flushed, even when the process is killed."""

import struct
from collections.abc import Sequence
from pathlib import Path
from time import monotonic_ns
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mmebench.results.samples import SCHEMA

ROW = np.dtype(
    [
        ("intended_ns", "i8"),
        ("start_ns", "i8"),
        ("first_byte_ns", "i8"),
        ("end_ns", "i8"),
        ("request_bytes", "i8"),
        ("response_bytes", "i8"),
        ("target", "i4"),
        ("error", "i4"),
        ("status", "i2"),
        ("cold", "i1"),
        ("pad", "V5"),
    ]
)
"""A sample in memory. ``error``: a code for :meth:`Recorder.error_name`, 0 for none; ``cold``: -1 not known."""

_PACK = struct.Struct("=6q2ihb5x")
assert _PACK.size == ROW.itemsize


class Recorder:
    """Packs samples into a buffer and, on :meth:`flush`, writes them to an Arrow IPC stream.

    Adding a sample costs a fraction of a microsecond, because everything but packing waits for the flush. Times
    are given as ``time.monotonic_ns`` has them and written relative to :attr:`origin_ns`.
    """

    def __init__(self, path: Path, targets: Sequence[str]) -> None:
        self.origin_ns = monotonic_ns()
        self._targets = pa.array(targets, pa.string())
        self._errors: dict[str | None, int] = {None: 0}
        self._buffer = bytearray(ROW.itemsize * 4096)
        self._end = 0
        self._sink = pa.OSFile(str(path), "wb")
        # New errors turn up while the stream is written; it carries a grown dictionary as a delta.
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        self._writer = pa.ipc.new_stream(self._sink, SCHEMA, options=options)

    def add(
        self,
        intended_ns: int,
        start_ns: int,
        first_byte_ns: int,
        end_ns: int,
        request_bytes: int,
        response_bytes: int,
        target: int,
        error: str | None,
        status: int,
        cold: int,
    ) -> None:
        """Append one sample. ``target`` is an index of the targets; ``cold`` 1, 0, or -1 for unknown."""
        if self._end == len(self._buffer):
            self._buffer.extend(bytes(len(self._buffer)))
        code = self._errors.setdefault(error, len(self._errors))
        _PACK.pack_into(
            self._buffer, self._end, intended_ns, start_ns, first_byte_ns, end_ns, request_bytes, response_bytes,
            target, code, status, cold,
        )  # fmt: skip
        self._end += ROW.itemsize

    def flush(self) -> npt.NDArray[np.void]:
        """Write what was added since the last flush; returns it as :data:`ROW`."""
        rows = np.frombuffer(bytes(self._buffer[: self._end]), ROW)
        self._end = 0
        if len(rows):
            self._writer.write_batch(self._batch(rows))
            self._sink.flush()
        return rows

    def error_name(self, code: int) -> str:
        """The error that a row's ``error`` stands for."""
        return str(list(self._errors)[code])

    def _batch(self, rows: npt.NDArray[np.void]) -> pa.RecordBatch:
        first_byte, error, cold = rows["first_byte_ns"], rows["error"], rows["cold"]
        names = pa.array(list(self._errors)[1:], pa.string())
        columns = {
            "intended_ns": pa.array(rows["intended_ns"] - self.origin_ns),
            "start_ns": pa.array(rows["start_ns"] - self.origin_ns),
            "first_byte_ns": pa.array(first_byte - self.origin_ns, mask=first_byte == 0),
            "end_ns": pa.array(rows["end_ns"] - self.origin_ns),
            "target": pa.DictionaryArray.from_arrays(pa.array(rows["target"]), self._targets),
            "status": pa.array(rows["status"]),
            "error": pa.DictionaryArray.from_arrays(pa.array(error - 1, pa.int32(), mask=error == 0), names),
            "cold": pa.array(cold == 1, mask=cold < 0),
            "request_bytes": pa.array(rows["request_bytes"]),
            "response_bytes": pa.array(rows["response_bytes"]),
        }
        return pa.RecordBatch.from_arrays([columns[field.name] for field in SCHEMA], schema=SCHEMA)

    def close(self) -> None:
        """Flush and end the stream."""
        self.flush()
        self._writer.close()
        self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
