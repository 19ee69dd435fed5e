"""What a benchmark says about money: pure functions of a price, and a recommendation by it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mmebench.figures.failures import without_failure
from mmebench.figures.metric import METRICS, estimate_of, relative_change
from mmebench.figures.operating_point import find_operating_point
from mmebench.figures.statistics import NAN, Estimate
from mmebench.record.run import Run
from mmebench.spec import Objectives
from mmebench.spec.fleet import MIX

_HOUR = 3600.0
HOURS_A_MONTH = 730
_MILLION = 1e6
PER_MILLION = "usd_per_million_inferences"
"""The column of a summary; only where a run has a price."""


def per_million(usd_per_hour: float, per_second: float) -> float:
    """US dollars for a million inferences at so many successes a second; NaN at none."""
    return usd_per_hour / _HOUR / per_second * _MILLION if per_second > 0 else NAN


def estimate_per_million(row: "Mapping[Any, Any] | pd.Series[Any]") -> Estimate:
    """The same of a row of the summary, with the interval that its rate's makes; NaN without a price."""
    value, low, high = estimate_of(row, METRICS["throughput"])
    hourly, cost = float(row.get("usd_per_hour", NAN)), float(row.get(PER_MILLION, NAN))
    if not value > 0:
        return Estimate()
    return Estimate(cost, per_million(hourly, high), per_million(hourly, low))


def per_target_hour(usd_per_hour: float, resident: int) -> float:
    """US dollars to keep one target in memory for an hour, where so many share the endpoint; NaN with none."""
    return usd_per_hour / resident if resident > 0 else NAN


def of_time(usd_per_hour: float, seconds: float) -> float:
    """US dollars for an endpoint that was up for so long."""
    return usd_per_hour * seconds / _HOUR


def with_cost(stages: pd.DataFrame, run: Run) -> pd.DataFrame:
    """The rows of a run's stages with their cost; as they are where the run has no price.

    Columns: ``usd_per_hour`` of the endpoint and who says so, ``usd_per_million_inferences`` at the stage's rate,
    ``usd_per_target_hour`` of those in memory, and ``usd_of_run``, of the endpoint's whole life.
    """
    if run.price is None:
        return stages
    hourly = run.price.usd_per_hour
    fits = min(run.targets, run.capacity.fits) if run.capacity else run.targets
    return stages.assign(
        usd_per_hour=hourly,
        price_source=run.price.source,
        **{PER_MILLION: [per_million(hourly, rate) for rate in stages["Requests/s"]]},
        usd_per_target_hour=per_target_hour(hourly, fits),
        usd_of_run=NAN if run.endpoint_seconds is None else of_time(hourly, run.endpoint_seconds),
    )


def find_front(summary: pd.DataFrame) -> pd.DataFrame:
    """The stages without a failure that no other beats in both cost and p99, by cost: the Pareto front."""
    known = summary[without_failure(summary)].dropna(subset=[PER_MILLION, "p99_ms"])
    ordered = known.sort_values([PER_MILLION, "p99_ms"])
    p99 = ordered["p99_ms"].astype(float)
    return ordered[p99 < p99.cummin().shift(fill_value=np.inf)]


class Choice(NamedTuple):
    """What serves most for its money, and why."""

    instance_type: str
    platform: str
    per_dollar: float
    """Inferences for a dollar at the operating point."""
    reason: str


def most_per_dollar(summary: pd.DataFrame, objectives: Objectives) -> Choice | None:
    """The run that at its operating point serves most inferences for a dollar; None without prices.

    Args:
        summary: rows of :func:`mmebench.figures.summary.summarise`, of any number of runs.
        objectives: see :func:`mmebench.figures.operating_point.find_operating_point`.
    """
    if "usd_per_hour" not in summary:
        return None
    points = [
        point
        for _, stages in summary.dropna(subset=["usd_per_hour"]).groupby(
            ["instance_type", "platform", "targets"], sort=False
        )
        if (point := find_operating_point(stages, objectives)) is not None
    ]
    if not points:
        return None
    ranked = sorted(points, key=lambda point: _per_dollar(point).value, reverse=True)
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    instance_type, platform, dollar = str(first["instance_type"]), str(first["platform"]), _per_dollar(first)
    reason = (
        f"{_name(first, second)} serves {_rounded(dollar.value):,} inferences for a "
        f"dollar ({first['Requests/s']:.3g} requests/s at ${first['usd_per_hour']:.3g} an hour)"
    )
    if second is not None:
        ahead = relative_change(_per_dollar(second), dollar)
        shown = "" if ahead.low > 0 else ", which may be chance"
        reason += f", {ahead.value:.0%} more than {_name(second, first)}, the next{shown}"
    return Choice(instance_type, platform, dollar.value, reason)


def _name(row: "pd.Series[Any]", other: "pd.Series[Any] | None") -> str:
    """With its targets where the other would be called the same."""
    what = row["model_name"] if row["platform"] == MIX else row["platform"]
    name = f"{what} on {row['instance_type']}"
    alike = other is not None and all(row[column] == other[column] for column in ("platform", "instance_type"))
    return f"{name} with {row['targets']} targets" if alike else name


def _rounded(count: float) -> int:
    """To three digits, which is more than a price can tell apart."""
    return int(float(f"{count:.3g}"))


def _per_dollar(row: "pd.Series[Any]") -> Estimate:
    return estimate_of(row, METRICS["throughput"]).scaled(_HOUR / float(row["usd_per_hour"]))
