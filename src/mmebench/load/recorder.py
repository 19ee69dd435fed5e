"""The recorder: takes every sample of a load and loses none that was flushed, even when the process is killed."""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from mmebench.results.samples import SCHEMA


class Recorder:
    """Appends samples to memory and, on :meth:`flush`, to an Arrow IPC stream; times count from its creation."""

    def __init__(self, path: Path, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._origin = clock()
        self._sink = pa.OSFile(str(path), "wb")
        # A dictionary may grow from one batch to the next; the stream format carries it as deltas.
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        self._writer = pa.ipc.new_stream(self._sink, SCHEMA, options=options)
        self._rows: list[tuple[object, ...]] = []
        self._dictionaries: dict[str, dict[str, int]] = {"target": {}, "error": {}}

    def now(self) -> int:
        """Nanoseconds since the load began."""
        return self._clock() - self._origin

    def add(
        self,
        start_ns: int,
        end_ns: int,
        target: str,
        status: int,
        error: str | None,
        cold: bool | None,
        request_bytes: int,
        response_bytes: int,
        intended_ns: int | None = None,
    ) -> None:
        """Append one sample; see :data:`mmebench.results.samples.SCHEMA`."""
        intended = start_ns if intended_ns is None else intended_ns
        self._rows.append((intended, start_ns, end_ns, target, status, error, cold, request_bytes, response_bytes))

    def flush(self) -> list[tuple[object, ...]]:
        """Write what was added since the last flush, and return it."""
        rows, self._rows = self._rows, []
        if rows:
            columns = [
                self._encode(field.name, values)
                if field.name in self._dictionaries
                else pa.array(values, field.type)
                for field, values in zip(SCHEMA, zip(*rows, strict=True), strict=True)
            ]
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
            self._sink.flush()
        return rows

    def _encode(self, column: str, values: tuple[str | None, ...]) -> pa.DictionaryArray:
        """The values as indices into a dictionary that only ever grows, so that old indices stay right."""
        known = self._dictionaries[column]
        indices = [None if value is None else known.setdefault(value, len(known)) for value in values]
        return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(list(known), pa.string()))

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
