"""Recovery: how a load goes around something that happens, and when it is again as it was before."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

_STRETCHES = 60
_SHORTEST = 1.0
"""Seconds of a stretch."""
_ERRORS, _LEAST = 2.0, 0.01
"""So many standard errors, and at least so much, a stretch's hit ratio may be below the usual one."""
_MANIFOLD = 2.0
_IN_A_ROW = 3
"""Stretches that must be as before: one may be by chance."""


_COLUMNS = ["from_s", "to_s", "requests", "requests_per_s", "failures", "hit_ratio", "p50_ms", "p99_ms"]


class Recovered(NamedTuple):
    """Seconds from what happened until it was as before; None where that was not seen."""

    hits: float | None
    """The hit ratio is that of before, less two standard errors; None where nobody says what was cold, too."""
    latency: float | None
    """p99 is no more than twice its median before, and no more requests fail."""


def find_stretches(samples: pa.Table, begin: float, happens: float, end: float) -> pd.DataFrame:
    """A row for each of some sixty stretches of time, of a second at least, by the requests that began in it.

    ``from_s`` and ``to_s`` run from what happened; ``requests``, ``requests_per_s``, ``failures``; ``hit_ratio``
    is of successes, and missing where nobody says which were cold; ``p50_ms``, ``p99_ms`` are observed values.

    Args:
        samples: of the load.
        begin, happens, end: seconds since it began; what was before ``begin`` and after ``end`` is left out.
    """
    width = max(_SHORTEST, (end - begin) / _STRETCHES)
    first, last = int((happens - begin) // width), int((end - happens) // width)
    edges = happens + np.arange(-first, last + 1) * width
    due = samples["intended_ns"].to_numpy() / 1e9
    latency = samples["end_ns"].to_numpy() / 1e6 - due * 1e3
    good = samples["error"].is_null().to_numpy()
    known = samples["cold"].null_count < len(samples)
    cold = samples["cold"].fill_null(False).to_numpy()
    within = np.searchsorted(edges, due, side="right") - 1
    rows = []
    for number in range(len(edges) - 1):
        own = within == number
        answered = np.sort(latency[own & good])
        rows.append(
            {
                "from_s": edges[number] - happens,
                "to_s": edges[number + 1] - happens,
                "requests": int(own.sum()),
                "requests_per_s": own.sum() / width,
                "failures": int((own & ~good).sum()),
                "hit_ratio": 1 - cold[own & good].mean() if known and len(answered) else np.nan,
                "p50_ms": _observed(answered, 0.5),
                "p99_ms": _observed(answered, 0.99),
            }
        )
    return pd.DataFrame(rows, columns=_COLUMNS)


def find_recovered(stretches: pd.DataFrame, since: float = 0.0) -> Recovered:
    """When it was as before, for three stretches in a row and from the first of them on.

    Args:
        stretches: as :func:`find_stretches` gives them.
        since: seconds after what happened that are not looked at.
    """
    before, after = stretches[stretches["to_s"] <= 1e-9], stretches[stretches["from_s"] >= since - 1e-9]
    if before.empty or after.empty:
        return Recovered(None, None)
    usual = float((before["hit_ratio"] * before["requests"]).sum() / before["requests"].sum())
    error = np.sqrt(usual * (1 - usual) / after["requests"].clip(lower=1))
    hits = after["hit_ratio"] >= usual - np.maximum(_LEAST, _ERRORS * error)
    quick = (after["p99_ms"] <= _MANIFOLD * before["p99_ms"].median()) & (
        after["failures"] <= before["failures"].max()
    )
    begins = after["from_s"].tolist()
    return Recovered(_since(hits.tolist(), begins), _since(quick.tolist(), begins))


def _observed(ordered: npt.NDArray[np.float64], share: float) -> float:
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))]) if len(ordered) else np.nan


def _since(well: Sequence[bool], begins: Sequence[float]) -> float | None:
    for number in range(len(well) - _IN_A_ROW + 1):
        if all(well[number : number + _IN_A_ROW]):
            return max(0.0, float(begins[number]))
    return None
