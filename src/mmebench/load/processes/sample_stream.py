"""The stream of samples on disk: all batches of all client processes; what was written outlives its writer."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mmebench.errors import MmebenchError, disk_errors, keep_free
from mmebench.load.client.recorder import Rows
from mmebench.record.samples import SCHEMA

_KEPT_FREE = 16 * 2**20
"""Bytes of disk for what follows a load: its record, Locust's files, charts. Samples as Parquet come on top: they
take a fifth to a third of their stream."""


class SampleStream:
    """An Arrow IPC stream of :data:`mmebench.record.samples.SCHEMA`, with times relative to :attr:`origin_ns`.

    It holds whole batches, always: what a full disk had room for of the last one is cut off, and none is written
    after it, even if there is room again, as the batches between the two would be missing without a trace.
    """

    def __init__(self, path: Path, origin_ns: int, targets: Sequence[str], body_bytes: Sequence[int]) -> None:
        """Begin the stream; ``body_bytes`` is the size of each body of the pool.

        Raises:
            MmebenchError: the disk does not take it.
        """
        self._path = path
        self._broken: MmebenchError | None = None
        self.origin_ns = origin_ns
        self._targets = _words(targets)
        self._body_bytes = np.array(body_bytes, np.int64)
        self._errors: dict[str, int] = {}
        with disk_errors(path):
            keep_free(path.parent, _KEPT_FREE)
            self._sink = pa.OSFile(str(path), "wb")
        self._whole = 0
        # New errors turn up while the stream is written; it carries a grown dictionary as a delta.
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        self._writer = pa.ipc.new_stream(self._sink, SCHEMA, options=options)

    def write(self, rows: Rows, errors: Sequence[str]) -> pa.RecordBatch:
        """Write a batch, and give it back as written; ``errors`` are those of the recorder it comes from.

        Raises:
            MmebenchError: the disk is full, or about to be, or does not take it; nor does it take any later batch.
        """
        codes = np.array([-1, *(self._errors.setdefault(name, len(self._errors)) for name in errors)], np.int32)
        error = codes[rows["error"]]
        target, body = np.divmod(rows["key"], len(self._body_bytes))
        first_byte, cold, origin = rows["first_byte_ns"], rows["cold"], self.origin_ns
        columns = {
            "intended_ns": _column(rows["intended_ns"] - origin),
            "start_ns": _column(rows["start_ns"] - origin),
            "first_byte_ns": _column(first_byte - origin, missing=first_byte == 0),
            "end_ns": _column(rows["end_ns"] - origin),
            "target": pa.DictionaryArray.from_arrays(_column(target.astype(np.int32)), self._targets),
            "status": _column(rows["status"]),
            "error": pa.DictionaryArray.from_arrays(_column(error, missing=error < 0), _words(self._errors)),
            "cold": _column(cold == 1, missing=cold < 0),
            "request_bytes": _column(self._body_bytes[body]),
            "response_bytes": _column(rows["response_bytes"]),
        }
        batch = pa.RecordBatch.from_arrays([columns[field.name] for field in SCHEMA], schema=SCHEMA)
        if len(rows):
            self._append(batch)
        return batch

    def _append(self, batch: pa.RecordBatch) -> None:
        """Write it whole or not at all."""
        if self._broken is not None:
            raise self._broken
        try:
            with disk_errors(self._path):
                keep_free(self._path.parent, _KEPT_FREE + self._whole // 2)
                self._writer.write_batch(batch)
                self._sink.flush()
        except MmebenchError as error:
            self._broken = error
            self._sink.close()
            os.truncate(self._path, self._whole)
            raise
        self._whole = self._sink.tell()

    def close(self) -> None:
        """End the stream; one without its end mark is read as well, so that a full disk is no trouble here."""
        if self._broken is None:
            with suppress(OSError):
                self._writer.close()
                self._sink.close()


# As pa.array makes them, which imports pandas: every load would begin a third of a second later.


def _column(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers, or truth values, of which some may be missing."""
    data = _bits(values) if values.dtype == np.bool_ else pa.py_buffer(np.ascontiguousarray(values))
    present = None if missing is None else _bits(~missing)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [present, data])


def _bits(values: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


def _words(words: Iterable[str]) -> pa.StringArray:
    encoded = [word.encode() for word in words]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))
