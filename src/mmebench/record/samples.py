"""Samples: one row a request, the truth that every figure is computed from.

While a load runs, samples are appended to an Arrow IPC stream, which can be read up to the last whole batch
whatever became of its writer. A finished run keeps them as Parquet.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mmebench.record.damaged import damaged
from mmebench.replacing import replacing

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

_ROW_GROUP = 131_072
"""Rows that are read or skipped together: small against a stage that has many."""


@contextmanager
def open_samples(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file of :data:`SCHEMA`, to be read within the block a row group at a time.

    Raises:
        BadInputError: it is none, or not a whole one.
    """
    try:
        with pq.ParquetFile(path) as file:
            types = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
            for field in SCHEMA:
                if (found := types.get(field.name)) != field.type:
                    raise damaged(path, "samples", f"column {field.name} is {found}, not {field.type}")
            yield file
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # nothing is known of what is in it
            raise
        raise damaged(path, "samples", error) from None


def read_samples(path: Path, columns: Sequence[str] = tuple(SCHEMA.names)) -> pa.Table:
    """The samples in a Parquet file, as :data:`SCHEMA`.

    Raises:
        BadInputError: it is none, or not a whole one.
    """
    with open_samples(path) as file:
        return file.read(list(columns)).cast(pa.schema([SCHEMA.field(name) for name in columns]))


class SampleFile:
    """The samples in a Parquet file that were under way, or due, at some time within ``[start_ns, end_ns)``.

    They come in tables of some thousands, in the file's order. Others come with them: what is skipped, without a
    look, are row groups whose ranges allow it.
    """

    def __init__(self, path: Path, start_ns: int, end_ns: int) -> None:
        self._path = path
        with open_samples(path) as file:
            metadata = file.metadata
        end, intended = (metadata.schema.names.index(name) for name in ("end_ns", "intended_ns"))
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        self._row_groups = [
            number
            for number, group in enumerate(groups)
            if (ends := group.column(end).statistics) is None
            or (begins := group.column(intended).statistics) is None
            or (ends.max >= start_ns and begins.min < end_ns)
        ]
        self._firsts = [0, *accumulate(group.num_rows for group in groups)]
        self.count = sum(groups[number].num_rows for number in self._row_groups)
        """How many there are, the others included."""

    def tables(self, columns: list[str]) -> Iterator[tuple[int, pa.Table]]:
        """Only these columns of them, and the number of each table's first sample in the file."""
        with open_samples(self._path) as file:
            for number in self._row_groups:
                yield self._firsts[number], file.read_row_group(number, columns)


def count_samples(path: Path) -> int:
    """How many there are; read from the end of the file."""
    with open_samples(path) as file:
        return int(file.metadata.num_rows)


def write_samples(tables: Iterator[pa.Table], path: Path) -> int:
    """Write tables of :data:`SCHEMA` to a Parquet file; returns the number of samples.

    Numbers are stored as differences, each in as few bits as it takes, which suits times and sizes: a third of
    the size of Parquet's default, and read three times as fast.
    """
    numbers = [field.name for field in SCHEMA if pa.types.is_int64(field.type)]
    names = [field.name for field in SCHEMA if pa.types.is_dictionary(field.type)]
    with pq.ParquetWriter(
        path,
        SCHEMA,
        compression="zstd",
        use_dictionary=names,
        column_encoding=dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
    ) as writer:
        count = 0
        for table in tables:
            writer.write_table(table, row_group_size=_ROW_GROUP)
            count += table.num_rows
    return count


def keep_samples(stream: Path, parquet: Path) -> int:
    """Turn the stream that a load left into Parquet and remove it; returns the number of samples.

    A stream that ends in the middle of a batch, because its writer was killed, gives what was whole.
    """
    with replacing(parquet) as partial:
        count = copy_samples(stream, partial)
    stream.unlink()
    return count


def copy_samples(stream: Path, parquet: Path) -> int:
    """The same of a load that may go on: what it has written until now; the stream stays as it is."""
    return write_samples(_tables(stream), parquet)


def _tables(stream: Path) -> Iterator[pa.Table]:
    """The whole batches of a stream, put together to row groups."""
    batches: list[pa.RecordBatch] = []
    rows = 0
    for batch in _batches(stream):
        batches.append(batch)
        rows += batch.num_rows
        if rows >= _ROW_GROUP:
            yield pa.Table.from_batches(batches, SCHEMA).unify_dictionaries()
            batches, rows = [], 0
    yield pa.Table.from_batches(batches, SCHEMA).unify_dictionaries()


def _batches(stream: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(stream)) as source:
        try:
            reader = pa.ipc.open_stream(source)
        except (pa.ArrowInvalid, OSError):
            return  # not even its beginning is whole
        while True:
            try:
                batch = reader.read_next_batch()
                batch.validate(full=True)  # Arrow follows what is damaged, out of all bounds
            except (StopIteration, pa.ArrowInvalid, OSError):
                return  # the end, or the first batch that is not whole, or damaged
            yield batch
