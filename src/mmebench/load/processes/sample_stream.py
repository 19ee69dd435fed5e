"""The stream of samples on disk: all batches of all client processes; what was written outlives its writer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from mmebench.load.client.recorder import Rows
from mmebench.record.samples import SCHEMA


class SampleStream:
    """An Arrow IPC stream of :data:`mmebench.record.samples.SCHEMA`, with times relative to :attr:`origin_ns`."""

    def __init__(self, path: Path, origin_ns: int, targets: Sequence[str], body_bytes: Sequence[int]) -> None:
        """Args: ``body_bytes`` is the size of each body of the pool."""
        self.origin_ns = origin_ns
        self._targets = pa.array(targets, pa.string())
        self._body_bytes = np.array(body_bytes, np.int64)
        self._errors: dict[str, int] = {}
        self._sink = pa.OSFile(str(path), "wb")
        # New errors turn up while the stream is written; it carries a grown dictionary as a delta.
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        self._writer = pa.ipc.new_stream(self._sink, SCHEMA, options=options)

    def write(self, rows: Rows, errors: Sequence[str]) -> pa.RecordBatch:
        """Write a batch, and give it back as written; ``errors`` are those of the recorder it comes from."""
        codes = np.array([-1, *(self._errors.setdefault(name, len(self._errors)) for name in errors)], np.int32)
        error = codes[rows["error"]]
        target, body = np.divmod(rows["key"], len(self._body_bytes))
        first_byte, cold, origin = rows["first_byte_ns"], rows["cold"], self.origin_ns
        columns = {
            "intended_ns": pa.array(rows["intended_ns"] - origin),
            "start_ns": pa.array(rows["start_ns"] - origin),
            "first_byte_ns": pa.array(first_byte - origin, mask=first_byte == 0),
            "end_ns": pa.array(rows["end_ns"] - origin),
            "target": pa.DictionaryArray.from_arrays(pa.array(target.astype(np.int32)), self._targets),
            "status": pa.array(rows["status"]),
            "error": pa.DictionaryArray.from_arrays(
                pa.array(error, mask=error < 0), pa.array(list(self._errors), pa.string())
            ),
            "cold": pa.array(cold == 1, mask=cold < 0),
            "request_bytes": pa.array(self._body_bytes[body]),
            "response_bytes": pa.array(rows["response_bytes"]),
        }
        batch = pa.RecordBatch.from_arrays([columns[field.name] for field in SCHEMA], schema=SCHEMA)
        if len(rows):
            self._writer.write_batch(batch)
            self._sink.flush()
        return batch

    def close(self) -> None:
        """End the stream."""
        self._writer.close()
        self._sink.close()
