"""The four figures of a run that a report begins with."""

from typing import NamedTuple

import pandas as pd

from mmebench.figures.cost import PER_MILLION
from mmebench.figures.metric import METRICS, estimate_of
from mmebench.report.intervals import interval_in_words
from mmebench.report.latency import latencies_of
from mmebench.report.operating_points import describe_load
from mmebench.report.page.shown import Shown
from mmebench.report.words.kinds import fitting_in_words
from mmebench.report.words.objectives import is_missed, why_none
from mmebench.spec import Objectives
from mmebench.units import human_bytes, human_number

MEDIAN = "Total Median Response Time"


class Tile(NamedTuple):
    """A figure: what it is, how much, and what is to be known of it."""

    what: str
    figure: str
    """Empty where there is none; ``unit`` says so then."""
    unit: str
    about: str


def make_tiles(run: Shown, objectives: Objectives) -> list[Tile]:
    """How many fit, what is served at the chosen load, how fast, and what that costs."""
    return [_fits(run), _rate(run, objectives), _latency(run, objectives), _cost(run)]


def _fits(run: Shown) -> Tile:
    record = run.recorded.run
    capacity = None if record is None else record.capacity
    if capacity is None:
        return Tile("Models asked for", f"{run.key.targets}", "targets", "how many fit was not measured")
    about = [] if capacity.limited_by == "limit" else [f"limited by {capacity.limited_by}"]
    if run.stage is not None and (kinds := fitting_in_words(run.stage)):
        about.insert(0, kinds)
    if capacity.bytes_per_copy is not None and not capacity.kinds:  # else each has its own, in the table of models
        copy = f"{human_bytes(capacity.bytes_per_copy)} a copy"
        if capacity.bytes_per_copy_bounds is not None:
            low, high = capacity.bytes_per_copy_bounds
            copy += f" (95 %: {human_bytes(low)} to {human_bytes(high)})"
        about.append(copy)
    at_least = capacity.limited_by == "limit"
    return Tile("Models that fit", f"{'≥ ' * at_least}{capacity.fits}", "targets", "; ".join(about))


def _rate(run: Shown, objectives: Objectives) -> Tile:
    wanted = "within the objectives" if objectives.given else "without a failure"
    if run.chosen is None:
        return Tile(f"Requests/s {wanted}", *_no_rate(run, objectives))
    stage = run.chosen.stage
    interval = interval_in_words(estimate_of(stage, METRICS["throughput"]))
    return Tile(
        f"Requests/s {run.chosen.why}",
        human_number(stage["Requests/s"]),
        "/s",
        ("offered " if run.open_loop else "with ")
        + describe_load(stage)
        + (f"; 95 %: {interval}" if interval else ""),
    )


def _no_rate(run: Shown, objectives: Objectives) -> tuple[str, str, str]:
    """What a tile says where no load was served well."""
    if run.stages.empty:
        return "", "unknown", "no stage got to its end"
    if not objectives.given:
        return "", "none", "requests failed at every load"
    why = why_none(run.stages, objectives)
    return "", "missed" if is_missed(run.stages, objectives) else "cannot be judged", why


def _latency(run: Shown, objectives: Objectives) -> Tile:
    what = "p99 there"
    if run.chosen is None:
        return Tile(what, "", "unknown", "there is no such load")
    stage = run.chosen.stage
    known = latencies_of(stage)
    if not known:
        return Tile(what, "", "unknown", "there was no success")
    column, name = list(known.items())[-1]  # p99 before p95, p95 before p50
    about = [f"95 %: {interval}"] if (interval := interval_in_words(estimate_of(stage, METRICS[name]))) else []
    if name != "p50" and MEDIAN in known:
        about.append(f"p50 {human_number(stage[MEDIAN])} ms")
    if name != "p99":
        about.append("a p99 takes more samples than there are")
    if name in objectives.percentiles:
        about.append(f"objective {objectives.percentiles[name] * 1e3:g} ms")
    return Tile(f"{name} there", human_number(stage[column]), "ms", "; ".join(about))


def _cost(run: Shown) -> Tile:
    what = "Cost of a million inferences"
    price = None if run.recorded.run is None else run.recorded.run.price
    if price is None:
        return Tile(what, "", "no price", "nobody bills this endpoint, as far as the spec says")
    cost = None if run.chosen is None else run.chosen.stage.get(PER_MILLION)
    hourly = f"at ${human_number(price.usd_per_hour)} an hour ({price.source})"
    if cost is None or pd.isna(cost):
        return Tile(what, "", "unknown", f"{hourly}; there is no such load")
    return Tile(what, f"${cost:,.2f}" if cost >= 1 else f"${human_number(cost)}", "", hourly)
