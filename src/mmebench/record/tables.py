"""Tables on disk: CSV that appears whole or not at all, and that no spreadsheet takes for a formula."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from mmebench.record.damaged import damaged
from mmebench.replacing import replacing

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet would compute (OWASP, "CSV Injection")."""
FLOAT_FORMAT = "%.6g"
"""More digits than any figure has that mean something."""


def write_or_remove(table: pd.DataFrame, path: Path) -> None:
    """Write a table of figures; where it has no rows, an older one must not stay, which showed other results."""
    if table.empty:
        path.unlink(missing_ok=True)
    else:
        write_table(table, path, FLOAT_FORMAT)


def write_table(table: pd.DataFrame, path: Path, float_format: str | None = None) -> None:
    """Write it without its index; a text that would be a formula gets an apostrophe before it.

    Names of targets and what servers say of errors come from outside, and end up in somebody's spreadsheet.
    """
    with replacing(path) as partial:
        _map_texts(table, _quote).to_csv(
            partial, index=False, float_format=float_format, date_format="%Y-%m-%dT%H:%M:%SZ"
        )


def read_table(
    path: Path,
    numbers: Sequence[str] = (),
    columns: Sequence[str] = (),
    times: Sequence[str] = (),
    known: Sequence[str] = (),
) -> pd.DataFrame:
    """What :func:`write_table` was given; of an empty file, which a table without columns makes, no rows.

    Args:
        path: of the file.
        numbers: columns that must be there, with a number in each row.
        columns: the same, with anything in them.
        times: the same, with a point in time in each row.
        known: columns with numbers where these are known; tables of old may not have all of them.

    Raises:
        BadInputError: it is no such table, or not a whole one. FileNotFoundError: there is none.
    """
    try:
        table = pd.read_csv(path, parse_dates=list(times), date_format="ISO8601")
        for name in (*numbers, *columns, *times):
            if name not in table:
                raise ValueError(f"there is no column {name}")
        for column, cells in table.items() if len(table) else ():
            _check(str(column), cells, column in numbers, column in times, column in known)
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=[*dict.fromkeys([*numbers, *columns, *times, *known])])
    except ValueError as error:  # what pandas raises of a file that is no table is one of them
        raise damaged(path, "rows", error) from None
    return _map_texts(table, _unquote)


def _check(name: str, cells: "pd.Series[Any]", number: bool, time: bool, known: bool) -> None:
    """Hold a column against what it should have.

    Raises:
        ValueError: there is something else in it.
    """
    if (number or known) and not (is_numeric_dtype(cells) and not np.isinf(cells).any()):
        raise ValueError(f"column {name} has something else than numbers in it")
    if time and not is_datetime64_any_dtype(cells):
        raise ValueError(f"column {name} has something else than times in it")
    if (number or time) and cells.isna().any():
        raise ValueError(f"column {name} has an empty cell")


def _map_texts(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Other values, numbers above all, stay as they are."""
    columns = table.select_dtypes(include=["object", "string"])
    return table.assign(
        **{
            str(name): column.map(lambda value: change(value) if isinstance(value, str) else value)
            for name, column in columns.items()
        }
    )


def _quote(text: str) -> str:
    quoted = f"'{text}" if text.startswith(_FORMULA) else text
    return quoted.replace("\r", " ")  # which would end the row


def _unquote(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
