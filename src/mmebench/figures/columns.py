"""The columns of ``summary_results.csv`` that a stage fills.

Latencies are milliseconds. ``_low`` and ``_high`` are the bounds of a 95 % confidence interval. An empty cell is a
figure that the samples cannot carry, or that does not exist for this loop.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING

from mmebench.figures.failures import Failures
from mmebench.figures.stage import PERCENTILES, StageSummary
from mmebench.figures.statistics import Estimate

if TYPE_CHECKING:  # processes that offer load have no need of pandas
    from mmebench.record.sightings import ServerTimes

Cell = float | int | bool | str | None


def stage_columns(stage: StageSummary) -> dict[str, Cell]:
    """All of them."""
    return established_columns(stage) | further_columns(stage)


def established_columns(stage: StageSummary) -> dict[str, Cell]:
    """Those that other tools for this layout know, each with the value of the stage itself."""
    return {
        "User Count": stage.users,
        "Requests/s": stage.throughput,
        "Total Median Response Time": stage.p50,
        "Total Average Response Time": stage.mean,
        "Total Min Response Time": stage.minimum,
        "Total Max Response Time": stage.maximum,
        "Successful Requests": stage.successes,
        "Failed Requests": stage.failures,
    }


def further_columns(stage: StageSummary) -> dict[str, Cell]:
    """All others that follow from the stage alone."""
    failed = stage.failed or Failures()
    rate = stage.intervals.get("throughput", Estimate())
    return {
        "throughput_low_per_s": rate.low,
        "throughput_high_per_s": rate.high,
        **_latency_columns(stage),
        "first_byte_p50_ms": stage.first_byte.p50,
        "first_byte_p99_ms": stage.first_byte.p99,
        "cold_starts": stage.cold_starts,
        "cold_p50_ms": stage.cold.p50,
        "cold_p99_ms": stage.cold.p99,
        "warm_p50_ms": stage.warm.p50,
        "warm_p99_ms": stage.warm.p99,
        "offered_per_s": stage.offered,
        "achieved_over_offered": stage.achieved,
        "not_started": stage.not_started,
        "goodput_per_s": stage.goodput,
        "goodput_share": stage.goodput_share,
        **{name: count if stage.failed else None for name, count in asdict(failed).items()},
        "request_bytes_per_s": stage.request_rate,
        "response_bytes_per_s": stage.response_rate,
        "request_bytes": stage.request_size.value,
        "request_bytes_low": stage.request_size.low,
        "request_bytes_high": stage.request_size.high,
        "response_bytes": stage.response_size.value,
        "response_bytes_low": stage.response_size.low,
        "response_bytes_high": stage.response_size.high,
        "window_seconds": stage.window_seconds,
        "littles_law": stage.littles_law,
        "fairness_targets": stage.fairness_targets,
        "client_cpu": stage.client_cpu,
        "loop_lag_p99_ms": stage.loop_lag,
        "own_lag_p99_ms": stage.own_lag,
        "machine_cpu": stage.machine_cpu,
        "machine_stolen": stage.machine_stolen,
        "client_limited": stage.client_limited,
        "machine_limited": stage.machine_limited,
        "note": stage.note,
    }


def time_columns(stage: StageSummary, server: "ServerTimes") -> dict[str, Cell]:
    """Where the mean latency went, in milliseconds; the columns add up to it.

    ``client_ms`` is what the server does not account for: the network, the client, and in an open loop the wait
    for a free connection.
    """
    return {
        "client_ms": None if server.total is None else stage.mean - server.total,
        "loading_ms": server.loading,
        "router_ms": server.router,
        "container_ms": server.container,
        "queue_ms": server.queue,
        "compute_ms": server.compute,
    }


def _latency_columns(stage: StageSummary) -> dict[str, Cell]:
    """The median and the mean have their columns among the established ones; here are their bounds."""
    columns: dict[str, Cell] = {}
    for name in ("mean", *PERCENTILES):
        bounds = stage.intervals.get(name, Estimate())
        if name not in ("mean", "p50"):
            columns[f"{name}_ms"] = bounds.value
        columns |= {f"{name}_low_ms": bounds.low, f"{name}_high_ms": bounds.high}
    return columns
