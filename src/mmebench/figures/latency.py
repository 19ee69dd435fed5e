"""The latency of a whole load, as pictures show it: over time, and how it is distributed."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmebench.figures.statistics import find_percentiles, observed_percentiles

SHARES: npt.NDArray[np.float64] = np.concatenate([np.linspace(0, 0.98, 99), 1 - np.logspace(-2, -3, 19)])
"""Of successes: each percent up to 98, and closer and closer up to 99.9 %."""

_SHOWN = (0.5, 0.99)


def find_distribution(latency_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The latency at each of :data:`SHARES`, in ms; NaN where samples cannot carry one. Reorders its argument."""
    return np.array(find_percentiles(latency_ns, tuple(SHARES))) / 1e6


def latency_by_second(
    end_ns: npt.NDArray[np.int64], latency_ns: npt.NDArray[np.int64], starts: list[float]
) -> pd.DataFrame:
    """p50 and p99 of the answers that came within each second; ``starts`` are the stages' in seconds.

    Columns: ``second``, ``p50_ms``, ``p99_ms`` and ``stage``, from ``stage 1`` on; no row for a second without an
    answer.
    """
    if not len(end_ns):
        return pd.DataFrame(columns=["second", "p50_ms", "p99_ms", "stage"])
    seconds = end_ns // 1_000_000_000
    # Samples are almost in this order: to sort only then, and find two ranks of each second, is ten times faster
    # than to sort all by second and latency.
    if (seconds[1:] < seconds[:-1]).any():
        order = np.argsort(seconds, kind="stable")
        seconds, latency = seconds[order], latency_ns[order]
    else:
        latency = latency_ns
    first = np.concatenate([[0], np.flatnonzero(np.diff(seconds)) + 1])
    figures = np.array([observed_percentiles(part, _SHOWN) for part in np.split(latency.copy(), first[1:])]) / 1e6
    known = seconds[first]
    stages = np.searchsorted(np.array(starts), known, side="right")
    return pd.DataFrame(
        {
            "second": known,
            "p50_ms": figures[:, 0].round(3),
            "p99_ms": figures[:, 1].round(3),
            "stage": np.char.add("stage ", stages.astype(str)),
        }
    )
