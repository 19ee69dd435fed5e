"""The failures of a whole load by what went wrong."""

from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq


def find_errors(samples: Path) -> pd.DataFrame:
    """A row for each way to fail, the most frequent first; those outside of the windows that count, too.

    Columns: ``status``, ``error``, ``requests``, ``share`` of all requests, ``targets``, and ``first_s``, when the
    first of them ended.
    """
    table = pq.read_table(samples, columns=["target", "error", "status", "end_ns"]).unify_dictionaries()
    wrong = table.filter(pc.is_valid(table["error"])).group_by(["status", "error"])
    found = wrong.aggregate([([], "count_all"), ("target", "count_distinct"), ("end_ns", "min")]).to_pandas()
    errors = pd.DataFrame(
        {
            "status": found["status"],
            "error": found["error"].astype(str),
            "requests": found["count_all"],
            "share": found["count_all"] / max(len(table), 1),
            "targets": found["target_count_distinct"],
            "first_s": found["end_ns_min"] / 1e9,
        }
    )
    return errors.sort_values(["requests", "error"], ascending=[False, True], ignore_index=True)
