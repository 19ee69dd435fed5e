"""Whether a stage holds the objectives, read off its row in the summary.

A search asks it of each probe and a report of each row: what either says is what the row shows.
"""

import math
from collections.abc import Mapping
from typing import Any

from mmebench.figures.failures import count_failed
from mmebench.spec import Objectives

_BEYOND_P99 = 0.01
"""The share of requests, the slowest, of which a p99 says nothing."""


def find_missed(row: Mapping[Any, Any], objectives: Objectives) -> list[str]:
    """What a stage misses, in words; nothing where it holds all objectives.

    Requests that an open loop was to start and never did have failed. Where they are more than one in a hundred
    no p99 is held, whatever that of the answers is; nor is it where the answers cannot carry one.

    Args:
        row: of the summary; a cell that is missing or empty is a figure that nobody knows.
        objectives: what is to be held.
    """
    answers, failed = int(row["Successful Requests"]), count_failed(row)
    not_started = failed - int(row["Failed Requests"])
    requests = answers + failed
    if objectives.given and not requests:
        return ["no request was answered within the window"]
    missed = []
    if objectives.p99 is not None:
        p99 = _known(row.get("p99_ms"), math.nan)
        if math.isnan(p99):
            missed.append(f"{answers} answers are too few for a p99")
        elif p99 > objectives.p99 * 1e3:
            missed.append(f"p99 {p99:.0f} ms")
        if not_started > _BEYOND_P99 * (answers + not_started):
            missed.append(f"{not_started / requests:.2%} never started")
    if objectives.failures is not None and failed > objectives.failures * requests:
        missed.append(f"{failed / requests:.2%} failed")
    if objectives.goodput is not None:
        share = _known(row.get("goodput_share"), 0)
        if share < objectives.goodput.share:
            missed.append(f"{share:.2%} in good time")
    return missed


def _known(figure: float | None, otherwise: float) -> float:
    return otherwise if figure is None or math.isnan(figure) else figure
