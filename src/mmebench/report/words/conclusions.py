"""What a benchmark comes to, in plain words: for those who decide, and what they should know before they do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from mmebench.figures.cost import PER_MILLION, most_per_dollar
from mmebench.figures.objectives import kind_rows
from mmebench.figures.operating_point import find_operating_point
from mmebench.figures.rows import rows_of
from mmebench.figures.trades import find_trades
from mmebench.record.run import Run, objectives_of
from mmebench.report.operating_points import describe_load
from mmebench.report.runs import RunKey, key_of, runs_in_words
from mmebench.report.words.failures import explain_failures
from mmebench.report.words.headline import Measured, find_headline
from mmebench.report.words.kinds import (
    failures_in_words,
    fitting_in_words,
    latency_in_words,
    serving_in_words,
    tail_in_words,
)
from mmebench.report.words.objectives import is_missed, why_none
from mmebench.report.words.trades import trades_in_words
from mmebench.spec import Objectives
from mmebench.units import human_bytes, human_number

_STATIONARY = 0.1
"""By so much Little's law may be off before a stage is called not stationary."""

_STOLEN = 0.02
"""Of the cores of a machine: less than this is what any virtual machine loses."""


class Conclusions(NamedTuple):
    """Sentences."""

    verdict: tuple[str, ...]
    """What to deploy, and what it holds; one a run."""
    warnings: tuple[str, ...]
    """Why a figure may not mean what it seems to."""


def common_objectives(runs: list[Run]) -> Objectives:
    """Those of the last run: a benchmark has one set."""
    return objectives_of(runs[-1]) if runs else Objectives()


def conclude(
    summary: pd.DataFrame, objectives: Objectives, records: Sequence[Run] = (), unread: Sequence[str] = ()
) -> Conclusions:
    """From the rows of a summary; without objectives, a load is served well when no request fails.

    Args:
        summary: one row a stage.
        objectives: of the benchmark.
        records: of all runs that have one, those without a row too.
        unread: why others could not be read.
    """
    runs = [
        Measured(name, stages, find_operating_point(stages, objectives)) for name, stages in runs_in_words(summary)
    ]
    verdict = [_describe(run, objectives) for run in runs]
    if (headline := find_headline(runs, objectives)) is not None:
        verdict.insert(0, headline)
    verdict += trades_in_words(find_trades(summary))
    choice = most_per_dollar(summary, objectives)
    if choice is not None:
        verdict.append(f"{choice.reason}.")
    broken, failed = _broken(summary, records), explain_failures(records)
    return Conclusions(tuple(verdict), (*unread, *broken, *failed, *_warnings(runs, records)))


def _describe(run: Measured, objectives: Objectives) -> str:
    fits = _fits(run)
    if (best := run.best) is None:
        if not objectives.given:
            return f"{fits}; no load was served without a failure."
        if is_missed(run.stages, objectives):
            return f"{fits}; no load was served within the objectives: {why_none(run.stages, objectives)}."
        return f"{fits}; how it serves them {why_none(run.stages, objectives)}."
    cost = best.get(PER_MILLION)
    price = f"; ${human_number(cost)} for a million inferences" if pd.notna(cost) else ""
    rate = f"{human_number(best['Requests/s'])} requests/s{latency_in_words(best)} ({describe_load(best)})"
    each = f": {serving}" if (serving := serving_in_words(best)) else ""
    return " ".join(filter(None, (f"{fits}; {rate}{each}{price}.", tail_in_words(best))))


def _fits(run: Measured) -> str:
    """How many there is room for; where nobody tried, how many there were."""
    first, key = run.stages.iloc[0], key_of(run.stages.iloc[0])
    capacity = first.get("capacity")
    if kind_rows(first):
        return f"On {key.instance_type} {_fit_together(first)}"
    if capacity is None or pd.isna(capacity):
        return f"On {key.instance_type}, {key.targets} target{'' if key.targets == 1 else 's'} as {key.platform}"
    at_least = "at least " if first.get("capacity_limited_by") == "limit" else ""
    copy = first.get("bytes_per_copy")
    size = f", {human_bytes(copy)} each" if pd.notna(copy) else ""
    times = "once" if run.models == 1 else f"{run.models} times"
    return f"On {key.instance_type} this model fits {at_least}{times} as {key.platform}{size}"


def _fit_together(first: "pd.Series[Any]") -> str:
    """The same of a fleet."""
    if pd.isna(first.get("capacity")):
        return f"{fitting_in_words(first)} were asked for"
    at_least = "at least " if first.get("capacity_limited_by") == "limit" else ""
    return f"{at_least}{fitting_in_words(first)} fit together"


def _broken(summary: pd.DataFrame, records: Sequence[Run]) -> Iterator[str]:
    """Runs that have no row."""
    shown = {key_of(row) for row in rows_of(summary)}
    for run in records:
        key = RunKey(run.instance_type, run.platform, run.targets)
        if key not in shown:
            yield f"{key.name}: no stage of the run got to its end; there are no figures of it."


def _warnings(runs: Sequence[Measured], records: Sequence[Run]) -> Iterator[str]:
    ended = {
        RunKey(run.instance_type, run.platform, run.targets): run.ended_early.reason
        for run in records
        if run.ended_early is not None
    }
    for run in runs:
        who, stages = run.name, run.stages
        if not stages["complete"].fillna(True).astype(bool).all():
            yield f"{who}: {ended.get(key_of(stages.iloc[0]), 'the run did not get to its end')}."
        if (stages["basis"] != "samples").any():
            yield (
                f"{who}: from Locust's history only; there are no samples to compute percentiles from, and mean "
                "latencies are of all requests, failed ones too."
            )
        if "cold_inferred" in stages and stages["cold_inferred"].fillna(False).astype(bool).any():
            yield f"{who}: which requests were cold is inferred; the endpoint does not say."
        for row in rows_of(stages):
            yield from (f"{who}, {describe_load(row)}: {text}." for text in _weaknesses(row))


def _weaknesses(row: Mapping[Any, Any]) -> Iterator[str]:
    yield from _disturbed(row)
    if row["Failed Requests"]:
        requests = row["Failed Requests"] + row["Successful Requests"]
        of_which = "; latency is of the others" if row["basis"] == "samples" else ""
        yield f"{row['Failed Requests']:.0f} of {requests:.0f} requests failed{failures_in_words(row)}{of_which}"
    if pd.notna(row["not_started"]) and row["not_started"]:
        yield f"{row['not_started']:.0f} requests that were due were never started"
    if pd.notna(row["littles_law"]) and abs(row["littles_law"] - 1) > _STATIONARY:
        yield f"not stationary, or users who think: Little's law comes to {row['littles_law']:.2f}"
    if isinstance(note := row.get("note"), str) and note:
        yield note


def _disturbed(row: Mapping[Any, Any]) -> Iterator[str]:
    """Where what is slow may not be the endpoint, and by how much that may change the latency."""
    lag, p50 = row.get("loop_lag_p99_ms"), row.get("Total Median Response Time")
    may_be = ""
    if pd.notna(lag) and pd.notna(p50) and p50 > 0:
        may_be = (
            f"; its event loop was late by {human_number(lag)} ms (p99), {lag / p50:.0%} of the median latency"
        )
    if _is_set(row, "client_limited"):
        cpu = row.get("client_cpu")
        of_core = f" ({cpu:.0%} of a core)" if pd.notna(cpu) else ""
        yield f"the client itself was busy{of_core}{may_be}; what is slow may be the client"
    elif _is_set(row, "machine_limited"):
        stolen = row.get("machine_stolen")
        others = f", {stolen:.0%} taken by the hypervisor" if pd.notna(stolen) and stolen >= _STOLEN else ""
        yield (
            f"the client's machine was busy ({row['machine_cpu']:.0%} of its cores in use{others}) and the client "
            f"waited for a core{may_be}"
        )


def _is_set(row: Mapping[Any, Any], column: str) -> bool:
    return bool(pd.notna(row.get(column)) and row[column])
