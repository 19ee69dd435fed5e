"""The failures of a whole load by what went wrong."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mmebench.record.samples import SCHEMA, open_samples


def find_errors(samples: Path) -> pd.DataFrame:
    """A row for each way to fail, the most frequent first; those outside of the windows that count, too.

    Columns: ``status``, ``error``, ``requests``, ``share`` of all requests, ``targets``, and ``first_s``, when the
    first of them ended.
    """
    with open_samples(samples) as file:  # one row group after another: most have no failure in them
        count, columns = file.metadata.num_rows, ["target", "error", "status", "end_ns"]
        tables = (file.read_row_group(number, columns) for number in range(file.num_row_groups))
        failed = [table.filter(pc.is_valid(table["error"])) for table in tables]
    wrong = pa.concat_tables(failed or [SCHEMA.empty_table()]).unify_dictionaries()
    found = (
        wrong.group_by(["status", "error"])
        .aggregate([([], "count_all"), ("target", "count_distinct"), ("end_ns", "min")])
        .to_pandas()
    )
    errors = pd.DataFrame(
        {
            "status": found["status"],
            "error": found["error"].astype(str),
            "requests": found["count_all"],
            "share": found["count_all"] / max(count, 1),
            "targets": found["target_count_distinct"],
            "first_s": found["end_ns_min"] / 1e9,
        }
    )
    return errors.sort_values(["requests", "error"], ascending=[False, True], ignore_index=True)
