"""Traces: what was asked for once, when and of which target, read from CSV or JSON lines."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from mmebench.errors import BadInputError

_COLUMNS = {"timestamp", "target", "payload"}


@dataclass(frozen=True)
class TracedRequest:
    """One request of a trace."""

    seconds: float
    """Since the first request of the trace."""
    target: int | None
    """The target's number; None where the trace names none."""
    payload: Path | None
    """A file that holds the body; None for that of the workload."""


def read_trace(
    path: Path, targets: Sequence[str], names_targets: bool, speed: float = 1.0
) -> tuple[TracedRequest, ...]:
    """The requests in ``path``, in the order of their timestamps, ``speed`` times as fast.

    A file whose name ends in ``.csv`` has a header with the columns ``timestamp`` and, where wanted, ``target``
    and ``payload``, as has Parquet, ``.parquet``; any other holds one JSON object a line with these keys. A
    timestamp is in seconds from any zero. A target is a name among ``targets`` or a number below their count. A
    payload is a path, relative to the trace. With ``names_targets`` each request must name its target.

    Raises:
        BadInputError: it cannot be read or is not a trace; the message names the line.
    """
    numbers = {name: number for number, name in enumerate(targets)}
    found = []
    try:
        with path.open("rb") as opened:
            for line, row in _rows(path, opened):
                try:
                    found.append(_request(row, numbers, path.parent))
                except ValueError as error:
                    raise BadInputError(f"{path}, line {line}: {error}") from None
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}; give the file of a trace") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: not CSV and not JSON lines in UTF-8 ({error})") from None
    if not found:
        raise BadInputError(f"{path}: no requests in it; a line is a timestamp, a target and perhaps a payload")
    found.sort(key=lambda request: request.seconds)
    if names_targets and any(request.target is None for request in found):
        raise BadInputError(
            f"{path}: a request names no target; add the column, or give the workload a popularity"
        )
    first = found[0].seconds
    return tuple(TracedRequest((each.seconds - first) / speed, each.target, each.payload) for each in found)


def _rows(path: Path, file: BinaryIO) -> Iterator[tuple[int, Any]]:
    """Each with the number of its line, or row."""
    if path.suffix == ".parquet":
        return _parquet_rows(path, file)
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    return _csv_rows(text) if path.suffix == ".csv" else _json_rows(text)


def _parquet_rows(path: Path, file: BinaryIO) -> Iterator[tuple[int, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        for batch in pq.ParquetFile(file).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, {key: value for key, value in row.items() if value is not None}
    except pa.ArrowInvalid as error:
        raise BadInputError(f"{path}: not Parquet ({error}); give the file of a trace") from None


def _csv_rows(file: Any) -> Iterator[tuple[int, Any]]:
    for number, row in enumerate(csv.DictReader(file), start=2):
        yield number, {key: value for key, value in row.items() if value not in ("", None)}


def _json_rows(file: Any) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError:
                yield number, None


def _request(row: Any, numbers: dict[str, int], folder: Path) -> TracedRequest:
    if not isinstance(row, dict):
        raise ValueError('not an object; write {"timestamp": 0.5, "target": 3}')
    unknown = sorted(str(key) for key in row.keys() - _COLUMNS)
    if unknown:
        raise ValueError(f"unknown column {unknown[0]}; allowed: timestamp, target, payload")
    try:
        seconds = float(row["timestamp"])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"timestamp: got {row.get('timestamp')!r}; allowed: seconds, as a number") from None
    if not abs(seconds) < float("inf"):
        raise ValueError(f"timestamp: got {seconds}; allowed: seconds, as a number")
    payload = row.get("payload")
    return TracedRequest(seconds, _target(row.get("target"), numbers), folder / payload if payload else None)


def _target(target: Any, numbers: dict[str, int]) -> int | None:
    if target is None:
        return None
    if target in numbers:
        return numbers[target]
    try:
        number = int(target)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < len(numbers):
        names = list(numbers)
        raise ValueError(f"target: got {target!r}; allowed: {names[0]} … {names[-1]}, or 0 to {len(names) - 1}")
    return number
