"""The requests of a whole load by their target, and its failures by what went wrong."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mmebench.figures.statistics import NAN, find_percentiles


class Breakdown(NamedTuple):
    """Both as tables; latencies are milliseconds, NaN where the samples cannot carry one, as cold starts that
    nobody told of are."""

    targets: pd.DataFrame
    """``target``, ``requests``, ``failures``, ``cold_starts``, ``p50_ms``, ``p99_ms``; the busiest first."""
    errors: pd.DataFrame
    """``status``, ``error``, ``requests``, ``targets``, ``first_s``; the most frequent first."""


def break_down(samples: Path) -> Breakdown:
    """All requests of a load, those outside of the windows that count, too."""
    names = ["target", "error", "status", "cold", "intended_ns", "end_ns"]
    table = pq.read_table(samples, columns=names).unify_dictionaries()
    failed = pc.is_valid(table["error"])
    wrong = table.filter(failed).group_by(["status", "error"])
    errors = wrong.aggregate([([], "count_all"), ("target", "count_distinct"), ("end_ns", "min")]).to_pandas()
    errors = pd.DataFrame(
        {
            "status": errors["status"],
            "error": errors["error"].astype(str),
            "requests": errors["count_all"],
            "targets": errors["target_count_distinct"],
            "first_s": errors["end_ns_min"] / 1e9,
        }
    )
    order = ["requests", "error"]
    return Breakdown(
        _by_target(table, failed), errors.sort_values(order, ascending=[False, True], ignore_index=True)
    )


def _by_target(table: pa.Table, failed: pa.ChunkedArray) -> pd.DataFrame:
    columns = table["target"].combine_chunks()
    codes = columns.indices.to_numpy()
    good = ~failed.to_numpy()
    told = table["cold"].null_count < len(table)
    cold = pc.fill_null(table["cold"], False).to_numpy()
    latency = table["end_ns"].to_numpy() - table["intended_ns"].to_numpy()
    order = np.argsort(codes, kind="stable")
    rows = []
    for where in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1) if len(order) else ():
        p50, p99 = find_percentiles(latency[where][good[where]], (0.5, 0.99))
        rows.append(
            {
                "target": columns.dictionary[int(codes[where[0]])].as_py(),
                "requests": len(where),
                "failures": int(np.count_nonzero(~good[where])),
                "cold_starts": int(np.count_nonzero(cold[where])) if told else NAN,
                "p50_ms": p50 / 1e6,
                "p99_ms": p99 / 1e6,
            }
        )
    frame = pd.DataFrame(rows, columns=["target", "requests", "failures", "cold_starts", "p50_ms", "p99_ms"])
    return frame.sort_values(["requests", "target"], ascending=[False, True], ignore_index=True)
