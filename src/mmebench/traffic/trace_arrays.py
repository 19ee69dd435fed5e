"""Traces as arrays, however many requests there are."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from mmebench.errors import BadInputError


class TracedRequests(NamedTuple):
    """Those of a trace, in order."""

    seconds: npt.NDArray[np.float64]
    """When each came."""
    targets: npt.NDArray[np.int64]
    """What each was for, numbered from 0 without a gap."""
    names: list[str]
    """Of the targets, by number."""


def read_requests(path: Path) -> TracedRequests:
    """The requests of a trace.

    Args:
        path: CSV, Parquet or JSON lines with the columns ``timestamp`` and ``target``.

    Raises:
        BadInputError: it cannot be read, or is no such trace.
    """
    try:
        path.open("rb").close()  # pyarrow's errors do not say what is wrong in words
        table = _read(path)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror or error}; give the file of a trace") from None
    except pa.ArrowInvalid as error:
        raise BadInputError(
            f"{path}: no trace ({str(error).splitlines()[0]}); mmebench trace import makes one"
        ) from None
    missing = [name for name in ("timestamp", "target") if name not in table.column_names]
    if missing:
        raise BadInputError(
            f"{path}: got the columns {', '.join(table.column_names)}; allowed: timestamp and target; "
            "mmebench trace import makes such a trace of a log"
        )
    if not len(table):
        raise BadInputError(f"{path}: no requests in it; mmebench trace import makes a trace of a log")
    times, targets = table["timestamp"], table["target"].combine_chunks()
    numbers = pa.types.is_floating(times.type) or pa.types.is_integer(times.type)
    if not numbers or times.null_count or targets.null_count:
        raise BadInputError(
            f"{path}: a timestamp is no number, or a target is missing; mmebench trace import leaves such out"
        )
    seconds = times.to_numpy().astype(np.float64)
    if not np.isfinite(seconds).all():
        raise BadInputError(f"{path}: a timestamp is infinite; give seconds")
    encoded = pc.dictionary_encode(targets)
    codes = encoded.indices.to_numpy().astype(np.int64)
    order = np.argsort(seconds, kind="stable")
    return TracedRequests(seconds[order], codes[order], [str(name) for name in encoded.dictionary.to_pylist()])


def _read(path: Path) -> pa.Table:
    columns = ["timestamp", "target"]
    match path.suffix:
        case ".parquet":
            file = pq.ParquetFile(path)
            there = [name for name in columns if name in file.schema_arrow.names]
            return file.read(there or None)
        case ".csv":
            return pyarrow.csv.read_csv(path)
        case _:
            return pyarrow.json.read_json(path)
