"""The charts of report.html over loads: they zoom, show values, and hide a run at a click on its name.

The ``meta`` of a line is its run's name, by which the page finds those of a platform or an instance type.
"""

import html
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from mmebench.figures.cost import PER_MILLION, find_front
from mmebench.figures.latency import SHARES
from mmebench.report.latency import known_latencies, latency_of
from mmebench.report.operating_points import describe_load
from mmebench.report.page.look import INK, Numbers, colour_of, finish, line_of
from mmebench.report.runs import key_of, stages_by_run

_LOAD = "users, or requests per second offered"
_WIDTHS = {"mean": 1.75, "p50": 1.0, "p95": 1.75, "p99": 2.5}
"""How wide the lines of latencies are."""
_TIME_COLUMNS = {
    "client_ms": "client, network",
    "loading_ms": "waiting for a load",
    "router_ms": "router",
    "container_ms": "container",
    "queue_ms": "queue",
    "compute_ms": "compute",
}


def _runs(summary: pd.DataFrame, numbers: Numbers) -> Iterator[tuple[str, pd.DataFrame, dict[str, Any]]]:
    """Each run's name, safe to be shown, its stages by load, and how its lines look."""
    for key, stages in stages_by_run(summary):
        yield html.escape(key.name), stages, line_of(numbers[key.name])


def draw_throughput(summary: pd.DataFrame, numbers: Numbers) -> go.Figure:
    """Throughput over the load, with intervals."""
    figure = go.Figure()
    for name, stages, look in _runs(summary, numbers):
        figure.add_scatter(
            x=stages["load"],
            y=stages["Requests/s"],
            text=_words(stages),
            line=look,
            name=name,
            meta=name,
            error_y=_bars(stages, "Requests/s", "throughput", "_per_s"),
        )
    figure.update_xaxes(title_text=_LOAD)
    figure.update_yaxes(title_text="successful requests per second", rangemode="tozero")
    return finish(figure)


def draw_latency(summary: pd.DataFrame, numbers: Numbers) -> go.Figure:
    """p50, p95 and p99 over the load; the mean where nothing else is known."""
    figure = go.Figure()
    for name, stages, look in _runs(summary, numbers):
        for column, label in known_latencies(stages).items():
            figure.add_scatter(
                x=stages["load"],
                y=stages[column],
                text=_words(stages),
                line=look | {"width": _WIDTHS[label]},
                name=f"{name}: {label}",
                meta=name,
                legendgroup=name,
            )
    figure.update_xaxes(title_text=_LOAD)
    figure.update_yaxes(title_text=f"{latency_of(summary)}, ms", type="log")
    return finish(figure)


def _words(stages: pd.DataFrame) -> list[str]:
    return [html.escape(describe_load(row)) for _, row in stages.iterrows()]


def _bars(stages: pd.DataFrame, column: str, name: str, unit: str) -> dict[str, Any]:
    low, high = (stages.get(f"{name}_{side}{unit}") for side in ("low", "high"))
    if low is None or high is None:
        return {}
    return {"type": "data", "array": high - stages[column], "arrayminus": stages[column] - low, "thickness": 1}


def draw_knee(summary: pd.DataFrame, numbers: Numbers) -> go.Figure:
    """Latency against throughput: where more load buys waiting instead of answers."""
    figure = go.Figure()
    for name, stages, look in _runs(summary, numbers):
        for column, label in known_latencies(stages).items():
            if label == "p95":  # between the two others
                continue
            figure.add_scatter(
                x=stages["Requests/s"],
                y=stages[column],
                text=_words(stages),
                mode="lines+markers",
                line=look | {"width": _WIDTHS[label]},
                name=f"{name}: {label}",
                meta=name,
                legendgroup=name,
            )
    figure.update_xaxes(title_text="successful requests per second", rangemode="tozero")
    figure.update_yaxes(title_text=f"{latency_of(summary)}, ms", type="log")
    return finish(figure)


def draw_times(summary: pd.DataFrame) -> go.Figure | None:
    """Where the mean latency of each stage went; None where no endpoint says."""
    columns = [column for column in _TIME_COLUMNS if column in summary and summary[column].notna().any()]
    if not columns:
        return None
    figure = go.Figure()
    known = summary[summary[columns].notna().any(axis=1)]
    x = [
        [html.escape(key_of(row).name) for _, row in known.iterrows()],
        [html.escape(describe_load(row)) for _, row in known.iterrows()],
    ]
    for number, column in enumerate(columns):
        figure.add_bar(x=x, y=known[column], name=_TIME_COLUMNS[column], marker_color=colour_of(number))
    figure.update_layout(barmode="stack")
    figure.update_yaxes(title_text="mean latency, ms")
    return finish(figure)


def draw_capacity(memory: dict[str, tuple[list[float], float | None]], numbers: Numbers) -> go.Figure | None:
    """Memory over targets loaded.

    Args:
        memory: for each run MiB in use after each load, and the budget in MiB where there is one.
        numbers: of all runs.
    """
    if not memory:
        return None
    figure = go.Figure()
    for name, (used, budget) in memory.items():
        colour = colour_of(numbers[name])
        shown = html.escape(name)
        figure.add_scatter(x=list(range(1, len(used) + 1)), y=used, name=shown, meta=shown, line_color=colour)
        if budget is not None:
            figure.add_hline(y=budget, line_dash="dash", line_color=colour, line_width=1)
    figure.update_xaxes(title_text="targets in memory")
    figure.update_yaxes(title_text="memory of all targets, MiB", rangemode="tozero")
    return finish(figure)


def draw_cost(summary: pd.DataFrame, numbers: Numbers) -> go.Figure | None:
    """What a million inferences cost against p99, and the stages that none beats in both; None without prices."""
    if PER_MILLION not in summary or summary[PER_MILLION].isna().all():
        return None
    figure = go.Figure()
    for name, stages, look in _runs(summary, numbers):
        figure.add_scatter(
            x=stages[PER_MILLION],
            y=stages["p99_ms"],
            text=_words(stages),
            mode="lines+markers",
            line=look,
            name=name,
            meta=name,
        )
    front = find_front(summary)
    figure.add_scatter(
        x=front[PER_MILLION],
        y=front["p99_ms"],
        mode="lines",
        line={"color": INK, "width": 6},
        opacity=0.35,
        name="none is cheaper and faster",
    )
    figure.update_xaxes(title_text="US dollars for a million inferences", rangemode="tozero")
    figure.update_yaxes(title_text="p99, ms", type="log")
    return finish(figure)


def draw_distribution(distributions: dict[str, npt.NDArray[np.float64]], numbers: Numbers) -> go.Figure | None:
    """Latency by percentile, with the tail spread out.

    Args:
        distributions: for each run its latencies in ms at :data:`mmebench.figures.latency.SHARES`; NaN where
            samples cannot carry one.
        numbers: of all runs.
    """
    if not distributions:
        return None
    figure = go.Figure()
    ticks = np.array([0.5, 0.9, 0.99, 0.999])
    for name, values in distributions.items():
        figure.add_scatter(
            x=1 / (1 - SHARES),
            y=values,
            text=[f"p{share * 100:.4g}" for share in SHARES],
            name=html.escape(name),
            meta=html.escape(name),
            line=line_of(numbers[name]),
        )
    figure.update_xaxes(
        title_text="percentile",
        type="log",
        tickvals=1 / (1 - ticks),
        ticktext=[f"p{tick * 100:g}" for tick in ticks],
    )
    figure.update_yaxes(title_text="latency of successes, ms", type="log")
    return finish(figure)
