"""Whether the figures of a stage have become stable.

The samples since the warm-up are cut into windows of equal length, counted back from now. The stage is
stationary when, of the last three windows, each one's throughput lies within the tolerance of the three's mean,
and each one's mean latency within the tolerance of theirs. Both are asked because either can stand still while
the other moves: a queue that grows keeps throughput constant, a closed loop whose users start keeps latency.

Three windows in a row is what NVIDIA's perf_analyzer asks ("Measurement Modes" in its documentation, with a
tolerance of 10 % as well). A slope test on the same figures was not taken: with a handful of windows it accepts
noise that happens to be level, and refuses a drift that is significant but far too small to matter.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.spec import Stationary

_WINDOWS = 3

Numbers = npt.NDArray[np.int64]


class Window(NamedTuple):
    """The successes whose answers were complete within one window."""

    successes: int
    mean_latency_ns: float


def cut_windows(end_ns: Numbers, latency_ns: Numbers, now_ns: int, window_ns: int) -> list[Window]:
    """The last three windows before ``now_ns``, in order of time."""
    edges = now_ns - window_ns * np.arange(_WINDOWS, -1, -1)
    found = []
    for start, end in pairwise(edges):
        inside = latency_ns[(end_ns >= start) & (end_ns < end)]
        found.append(Window(len(inside), float(inside.mean()) if len(inside) else float("nan")))
    return found


def is_stable(windows: list[Window], tolerance: float) -> bool:
    """Whether throughput and latency of all windows lie within ``tolerance`` of their mean, as a share."""
    for values in zip(*windows, strict=True):
        mean = sum(values) / len(values)
        if not all(abs(value - mean) <= tolerance * mean for value in values):  # false for NaN, too
            return False
    return all(window.successes for window in windows)


def is_stationary(end_ns: Numbers, latency_ns: Numbers, ready_ns: int, now_ns: int, asked: Stationary) -> bool:
    """Whether a stage whose warm-up ended at ``ready_ns`` is stationary now; needs three windows since then."""
    window_ns = int(asked.window * 1e9)
    if now_ns - ready_ns < _WINDOWS * window_ns:
        return False
    return is_stable(cut_windows(end_ns, latency_ns, now_ns, window_ns), asked.tolerance)
