"""Tables on disk: CSV that appears whole or not at all, and that no spreadsheet takes for a formula."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from mmebench.record.damaged import damaged
from mmebench.replacing import replacing

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet would compute (OWASP, "CSV Injection")."""


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
    texts: Sequence[str] = (),
    times: Sequence[str] = (),
    later: Sequence[str] = (),
) -> pd.DataFrame:
    """What :func:`write_table` was given; of an empty file, which a table without columns makes, no rows.

    Args:
        path: of the file.
        numbers: columns that must be there, and have nothing else in them.
        texts: the same, with anything in them.
        times: the same, with points in time.
        later: columns of numbers that tables of old do not have.

    Raises:
        BadInputError: it is no such table, or not a whole one. FileNotFoundError: there is none.
    """
    try:
        table = pd.read_csv(path, parse_dates=list(times), date_format="ISO8601")
        for name in (*numbers, *texts, *times):
            if name not in table:
                raise ValueError(f"there is no column {name}")
        known = [name for name in (*numbers, *later) if name in table]
        for names, is_kind in ((known, is_numeric_dtype), (times, is_datetime64_any_dtype)):
            for name in names if len(table) else ():
                if not is_kind(table[name]):
                    raise ValueError(f"column {name} has something else in it")
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=[*numbers, *texts, *times, *later])
    except ValueError as error:  # what pandas raises of a file that is no table is one of them
        raise damaged(path, "rows", error) from None
    return _map_texts(table, _unquote)


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
