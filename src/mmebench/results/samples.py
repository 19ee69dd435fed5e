"""Samples: one row a request, the truth that every figure is computed from.

While a load runs, samples are appended to an Arrow IPC stream, which can be read up to the last whole batch
whatever became of its writer. A finished run keeps them as Parquet.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        pa.field("intended_ns", pa.int64(), nullable=False),
        pa.field("start_ns", pa.int64(), nullable=False),
        pa.field("first_byte_ns", pa.int64()),
        pa.field("end_ns", pa.int64(), nullable=False),
        pa.field("target", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("status", pa.int16(), nullable=False),
        pa.field("error", pa.dictionary(pa.int32(), pa.string())),
        pa.field("cold", pa.bool_()),
        pa.field("request_bytes", pa.int64(), nullable=False),
        pa.field("response_bytes", pa.int64(), nullable=False),
    ]
)
"""Times are nanoseconds of one monotonic clock since the load began.

* ``intended_ns``: when the schedule wanted the request to start; equal to ``start_ns`` in a closed loop.
* ``start_ns``, ``end_ns``: just before the request was sent, and when its whole answer had been read.
* ``first_byte_ns``: when the first bytes of the answer had come; null where none came.
* ``status``: the HTTP status, 0 where no answer came.
* ``error``: what went wrong, as the endpoint or the client named it; null for a success.
* ``cold``: the request waited for its target to be loaded; null where the endpoint does not say.
"""


def read_samples(path: Path) -> pa.Table:
    """The samples in a Parquet file, as :data:`SCHEMA`."""
    return pq.read_table(path, schema=SCHEMA)


def keep_samples(stream: Path, parquet: Path) -> int:
    """Turn the stream that a load left into Parquet and remove it; returns the number of samples.

    A stream that ends in the middle of a batch, because its writer was killed, gives what was whole.
    """
    batches: list[pa.RecordBatch] = []
    with pa.OSFile(str(stream)) as source:
        try:
            reader = pa.ipc.open_stream(source)
            while True:
                batches.append(reader.read_next_batch())
        except (StopIteration, pa.ArrowInvalid, OSError):
            pass  # the end, or the first batch that is not whole
    table = pa.Table.from_batches(batches, SCHEMA).unify_dictionaries()
    pq.write_table(table, parquet, compression="zstd")
    stream.unlink()
    return int(table.num_rows)
