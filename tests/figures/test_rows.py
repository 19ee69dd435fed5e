"""Rows of a table, one by one."""

import numpy as np
import pandas as pd

from mmebench.figures.rows import rows_of


def test_rows_are_those_that_pandas_gives() -> None:
    table = pd.DataFrame(
        {
            "text": ["a", None],
            "count": [1, 2],
            "share": [0.5, np.nan],
            "flag": [True, False],
            "object": [{"x": 1}, None],
            "small": np.array([1, 2], np.int32),
        },
        index=[7, 3],
    )
    rows = rows_of(table)
    assert repr(rows) == repr(table.to_dict("records"))
    assert [type(value) for value in rows[0].values()] == [str, int, float, bool, dict, int]
    assert rows_of(table.iloc[:0]) == []
