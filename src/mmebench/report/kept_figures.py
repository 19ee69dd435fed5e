"""Figures that are computed once and kept beside the run: a report reads no sample that it has read before.

The file begins with a digest of all that its figures depend on, byte by byte: of the files of the run and of its
repeats, their names, and the code; and of what was made of them, the table of targets and the figures themselves.
Where it is another one than is expected, because any of that changed or a file was cut off, all is made anew.
"""

import json
from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmebench.figures.cold_map import ColdMap
from mmebench.figures.rows import rows_of
from mmebench.figures.summary import repeats_of
from mmebench.record.layout import RunFiles
from mmebench.record.tables import write_or_remove
from mmebench.replacing import replacing
from mmebench.report.figures import Figures, compute_figures
from mmebench.report.own_code import own_code


def find_figures(files: RunFiles) -> Figures:
    """Those that are kept, where they are of what is there; else they are computed, and kept with ``by_target``.

    Raises:
        BadInputError: a file of the run cannot be read.
    """
    sources = _digest(files)
    kept = _read(files, sources)
    if kept is None:
        figures = compute_figures(files)
        write_or_remove(figures.targets, files.by_target)
        content = json.dumps(figures._asdict(), default=_as_json, separators=(",", ":")).encode()
        with replacing(files.figures) as partial:
            partial.write_bytes(b'"%s"\n%s\n' % (_seal(files, sources, content), content))
        # As the next report has them: pandas keeps equal tables in several ways, and pictures tell them apart.
        kept = _figures(content)
    return kept


def _digest(files: RunFiles) -> bytes:
    """Of all that the figures of a run depend on."""
    digest = sha256(own_code())
    digest.update(files.directory.resolve().name.encode())
    for path in _sources(files):
        digest.update(path.name.encode() + _content_digest(path))
    return digest.digest()


def _content_digest(path: Path) -> bytes:
    if not path.exists():
        return b"absent"
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


def _sources(files: RunFiles) -> Iterator[Path]:
    for each in (files, *repeats_of(files)):
        yield from (each.run, each.samples, each.stats, each.stats_history, each.sightings, each.metrics)


def _seal(files: RunFiles, sources: bytes, content: bytes) -> bytes:
    return sha256(sources + _content_digest(files.by_target) + content).hexdigest().encode()


def _read(files: RunFiles, sources: bytes) -> Figures | None:
    try:
        seal, _, content = files.figures.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    content = content.removesuffix(b"\n")
    return _figures(content) if seal.strip(b'"') == _seal(files, sources, content) else None


def _figures(content: bytes) -> Figures:
    kept = json.loads(content)
    return Figures(
        _frame(kept["rows"]),
        _frame(kept["course"]),
        None if kept["distribution"] is None else np.array(kept["distribution"]),
        _frame(kept["errors"]),
        _frame(kept["targets"]),
        None if kept["cold"] is None else _cold_map(*kept["cold"]),
    )


def _as_json(value: object) -> Any:
    """What JSON has no word for: tables, and what numpy has for lists and numbers."""
    if isinstance(value, pd.DataFrame):
        types = {name: str(kind) for name, kind in value.dtypes.items()}
        return {"types": types, "rows": [list(row.values()) for row in rows_of(value)]}
    assert isinstance(value, np.ndarray | np.generic), f"{type(value)} is no figure"
    return value.tolist()


def _frame(table: dict[str, Any]) -> pd.DataFrame:
    types: dict[str, Any] = table["types"]
    columns = zip(*table["rows"], strict=True) if table["rows"] else ((),) * len(types)
    return pd.DataFrame({name: _column(cells, types[name]) for name, cells in zip(types, columns, strict=True)})


def _column(cells: tuple[Any, ...], kind: Any) -> Any:
    """Numbers as an array of numpy: a series for each of ninety columns would take ten times as long."""
    return pd.array(cells, dtype=kind) if kind == "str" else np.array(cells, dtype=kind)


def _cold_map(
    ranks: list[list[int]], busiest: list[str], seconds: float, requests: list[list[int]], cold: list[list[int]]
) -> ColdMap:
    pairs = tuple((first, last) for first, last in ranks)
    return ColdMap(pairs, tuple(busiest), seconds, np.array(requests), np.array(cold))
