"""Tables on disk: CSV that appears whole or not at all, and that no spreadsheet takes for a formula."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

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


def read_table(path: Path, parse_dates: list[str] | None = None) -> pd.DataFrame:
    """What :func:`write_table` was given."""
    return _map_texts(pd.read_csv(path, parse_dates=parse_dates or []), _unquote)


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
