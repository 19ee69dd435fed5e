"""The rows of a fleet's kinds of models.

A row of the summary holds those of its kinds, by their names, in the column ``by_model``, so that whoever judges
the row can judge each of them. No file has that column: ``summary_by_model.csv`` has the rows instead.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mmebench.figures.columns import Cell, established_columns, further_columns
from mmebench.figures.cost import PER_MILLION, per_million
from mmebench.figures.kinds import KindStage, fairness_of, find_slowdowns
from mmebench.figures.objectives import BY_MODEL, kind_rows
from mmebench.figures.rows import rows_of
from mmebench.figures.stage import good_within
from mmebench.figures.statistics import NAN
from mmebench.record.run import KindCapacity, ModelKind, Run
from mmebench.spec import Objectives

_COMMON = (
    "model_name",
    "instance_type",
    "complete",
    "basis",
    "cold_inferred",
    "capacity_limited_by",
    "usd_per_hour",
    "price_source",
)
"""Columns that a kind has from its fleet."""


def with_models(
    rows: pd.DataFrame, run: Run, stages: Sequence[Mapping[str, KindStage]], objectives: Objectives
) -> pd.DataFrame:
    """The rows of a fleet with those of its kinds, and with how fair it is to them.

    Args:
        rows: one a stage.
        run: the fleet's.
        stages: the kinds of each, as :func:`mmebench.figures.kinds.split_stage` has them.
        objectives: what was to be held.
    """
    slowdowns = find_slowdowns(stages)
    capacities = {kind.name: kind for kind in run.capacity.kinds} if run.capacity else {}
    models: list[Any] = [
        {
            kind.name: _row(
                whole, kind, stage[kind.name], slowdown[kind.name], capacities.get(kind.name), objectives
            )
            for kind in run.kinds
        }
        for whole, stage, slowdown in zip(rows_of(rows), stages, slowdowns, strict=True)
    ]
    fairness = [fairness_of(slowdown.values()) for slowdown in slowdowns]
    return rows.assign(fairness_kinds=fairness, by_model=models)


def _row(
    whole: Mapping[Any, Any],
    kind: ModelKind,
    stage: KindStage,
    slowdown: float,
    capacity: KindCapacity | None,
    objectives: Objectives,
) -> dict[str, Cell]:
    within = good_within(objectives.of(kind.name)) or good_within(objectives)
    low, high = (capacity and capacity.bytes_per_copy_bounds) or (NAN, NAN)
    row: dict[str, Cell] = {
        **{name: whole[name] for name in _COMMON if name in whole},
        "model": kind.name,
        "platform": kind.platform,
        "precision": kind.precision,
        "max_models_loaded": min(len(kind.targets), capacity.fits) if capacity else len(kind.targets),
        **established_columns(stage.summary),
        "targets": len(kind.targets),
        **further_columns(stage.summary),
        "goodput_within_ms": NAN if within is None else within * 1e3,
        "requests_share": stage.requests_share,
        "served_share": stage.served_share,
        "slowest_share": stage.slowest_share,
        "busy_share": stage.busy_share,
        "slowdown": slowdown,
    }
    if capacity is not None:
        row |= {
            "capacity": capacity.fits,
            "bytes_per_copy": capacity.bytes_per_copy,
            "bytes_per_copy_low": low,
            "bytes_per_copy_high": high,
            "bytes_shared": capacity.bytes_shared,
        }
    if "usd_per_hour" in whole:
        row[PER_MILLION] = per_million(float(whole["usd_per_hour"]) * stage.busy_share, stage.summary.throughput)
    return row


def summarise_models(summary: pd.DataFrame) -> pd.DataFrame:
    """One row a stage and kind, of all fleets of a summary: its columns, and those that only a kind has.

    Empty where there is no fleet. What is of a fleet as a whole, such as Little's law, is empty in its kinds.
    """
    rows = [row for whole in rows_of(summary) for row in kind_rows(whole).values()]
    if not rows:
        return pd.DataFrame()
    frame = pd.DataFrame(rows)
    known = [name for name in without_models(summary).columns if name != "model_name"]
    first = ["model_name", "model", *known]
    return frame.reindex(columns=[*first, *(name for name in frame if name not in first)])


def without_models(summary: pd.DataFrame) -> pd.DataFrame:
    """The summary as files have it."""
    return summary.drop(columns=BY_MODEL, errors="ignore")
