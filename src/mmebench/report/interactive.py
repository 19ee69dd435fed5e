"""The charts of report.html: they zoom, show values, and hide a run at a click on its name."""

import html
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go  # type: ignore[import-untyped]  # it ships no types

from mmebench.report.operating_points import describe_load, loads

_COLOURS = ("#3b78b0", "#e08a1e", "#4f9d69", "#c8553d", "#8a6bbf", "#4aa5a8", "#b05b8c", "#8d99ae")
_DASHES = ("solid", "dash", "dot", "dashdot")
_INK = "#7d7d7d"
"""Readable on white and on black."""
_LOAD = "users, or requests per second offered"
_PERCENTILES = (("Total Median Response Time", "p50", 1), ("p95_ms", "p95", 1.75), ("p99_ms", "p99", 2.5))
"""Columns, their names, and how wide their lines are."""
_TIME_COLUMNS = {
    "client_ms": "client, network",
    "loading_ms": "waiting for a load",
    "router_ms": "router",
    "container_ms": "container",
    "queue_ms": "queue",
    "compute_ms": "compute",
}


def run_name(row: "pd.Series[Any]") -> str:
    """``onnx on ml.g5.xlarge, 61 targets``, safe to be shown in a chart."""
    return html.escape(f"{row['platform']} on {row['instance_type']}, {row['targets']:.0f} targets")


def _runs(summary: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, dict[str, Any]]]:
    """Each run's name, its stages by load, and how its lines look."""
    groups = summary.groupby(["instance_type", "platform", "targets"], sort=False)
    for number, (_, stages) in enumerate(groups):
        ordered = stages.assign(load=loads(stages)).sort_values("load")
        look = {"color": _COLOURS[number % len(_COLOURS)], "dash": _DASHES[number // len(_COLOURS) % len(_DASHES)]}
        yield run_name(ordered.iloc[0]), ordered, look


def draw_throughput(summary: pd.DataFrame) -> go.Figure:
    """Throughput over the load, with intervals."""
    figure = go.Figure()
    for name, stages, look in _runs(summary):
        figure.add_scatter(
            x=stages["load"],
            y=stages["Requests/s"],
            text=_words(stages),
            line=look,
            name=name,
            error_y=_bars(stages, "Requests/s", "throughput", "_per_s"),
        )
    figure.update_xaxes(title_text=_LOAD)
    figure.update_yaxes(title_text="successful requests per second", rangemode="tozero")
    return _finish(figure)


def draw_latency(summary: pd.DataFrame) -> go.Figure:
    """p50, p95 and p99 over the load."""
    figure = go.Figure()
    for name, stages, look in _runs(summary):
        for column, label, width in _PERCENTILES:
            figure.add_scatter(
                x=stages["load"],
                y=stages[column],
                text=_words(stages),
                line=look | {"width": width},
                name=f"{name}: {label}",
                legendgroup=name,
            )
    figure.update_xaxes(title_text=_LOAD)
    figure.update_yaxes(title_text="latency of successes, ms", type="log")
    return _finish(figure)


def _words(stages: pd.DataFrame) -> list[str]:
    return [html.escape(describe_load(row)) for _, row in stages.iterrows()]


def _bars(stages: pd.DataFrame, column: str, name: str, unit: str) -> dict[str, Any]:
    low, high = (stages.get(f"{name}_{side}{unit}") for side in ("low", "high"))
    if low is None or high is None:
        return {}
    return {"type": "data", "array": high - stages[column], "arrayminus": stages[column] - low, "thickness": 1}


def draw_knee(summary: pd.DataFrame) -> go.Figure:
    """Latency against throughput: where more load buys waiting instead of answers."""
    figure = go.Figure()
    for name, stages, look in _runs(summary):
        for column, label, width in _PERCENTILES[::2]:
            figure.add_scatter(
                x=stages["Requests/s"],
                y=stages[column],
                text=_words(stages),
                mode="lines+markers",
                line=look | {"width": width},
                name=f"{name}: {label}",
                legendgroup=name,
            )
    figure.update_xaxes(title_text="successful requests per second", rangemode="tozero")
    figure.update_yaxes(title_text="latency of successes, ms", type="log")
    return _finish(figure)


def draw_times(summary: pd.DataFrame) -> go.Figure | None:
    """Where the mean latency of each stage went; None where no endpoint says."""
    columns = [column for column in _TIME_COLUMNS if column in summary and summary[column].notna().any()]
    if not columns:
        return None
    figure = go.Figure()
    known = summary[summary[columns].notna().any(axis=1)]
    x = [
        [run_name(row) for _, row in known.iterrows()],
        [html.escape(describe_load(row)) for _, row in known.iterrows()],
    ]
    for number, column in enumerate(columns):
        figure.add_bar(x=x, y=known[column], name=_TIME_COLUMNS[column], marker_color=_COLOURS[number])
    figure.update_layout(barmode="stack")
    figure.update_yaxes(title_text="mean latency, ms")
    return _finish(figure)


def draw_capacity(memory: dict[str, tuple[list[float], float | None]]) -> go.Figure | None:
    """Memory over targets loaded.

    Args:
        memory: for each run MiB in use after each load, and the budget in MiB where there is one.
    """
    if not memory:
        return None
    figure = go.Figure()
    for number, (name, (used, budget)) in enumerate(memory.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        figure.add_scatter(x=list(range(1, len(used) + 1)), y=used, name=html.escape(name), line_color=colour)
        if budget is not None:
            figure.add_hline(y=budget, line_dash="dash", line_color=colour, line_width=1)
    figure.update_xaxes(title_text="targets in memory")
    figure.update_yaxes(title_text="memory of all targets, MiB", rangemode="tozero")
    return _finish(figure)


def draw_course(courses: dict[str, pd.DataFrame]) -> go.Figure | None:
    """Latency over time.

    Args:
        courses: for each run a row a second with ``second``, ``p50_ms``, ``p99_ms`` and ``stage``, as
            :func:`latency_by_second` gives them.
    """
    if not courses:
        return None
    figure = go.Figure()
    for number, (name, rows) in enumerate(courses.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        for column, width in (("p50_ms", 1), ("p99_ms", 2)):
            figure.add_scatter(
                x=rows["second"],
                y=rows[column],
                text=rows["stage"],
                name=f"{html.escape(name)}: {column.removesuffix('_ms')}",
                legendgroup=name,
                line={"color": colour, "width": width},
                visible=True if number == 0 else "legendonly",
            )
        for second in rows.loc[rows["stage"].ne(rows["stage"].shift()), "second"][1:] if number == 0 else ():
            figure.add_vline(x=second, line_width=1, line_dash="dot", line_color=_INK)
    figure.update_xaxes(title_text="seconds since the load began")
    figure.update_yaxes(title_text="latency of successes, ms", type="log")
    return _finish(figure)


def latency_by_second(
    end_ns: npt.NDArray[np.int64], latency_ns: npt.NDArray[np.int64], starts: list[float]
) -> pd.DataFrame:
    """p50 and p99 of the answers that came within each second; ``starts`` are the stages' in seconds."""
    if not len(end_ns):
        return pd.DataFrame(columns=["second", "p50_ms", "p99_ms", "stage"])
    seconds = end_ns // 1_000_000_000
    order = np.lexsort((latency_ns, seconds))
    seconds, latency = seconds[order], latency_ns[order] / 1e6
    known, first, count = np.unique(seconds, return_index=True, return_counts=True)

    def rank(share: float) -> npt.NDArray[np.float64]:
        values: npt.NDArray[np.float64] = latency[first + np.ceil(count * share).astype(int) - 1]
        return values.round(3)

    stages = np.searchsorted(np.array(starts), known, side="right")
    return pd.DataFrame(
        {
            "second": known,
            "p50_ms": rank(0.5),
            "p99_ms": rank(0.99),
            "stage": np.char.add("stage ", stages.astype(str)),
        }
    )


def draw_distribution(
    distributions: dict[str, npt.NDArray[np.float64]], shares: npt.NDArray[np.float64]
) -> go.Figure | None:
    """Latency by percentile, with the tail spread out.

    Args:
        distributions: for each run its latencies in ms at ``shares``; NaN where samples cannot carry one.
        shares: from 0 to 1, ascending.
    """
    if not distributions:
        return None
    figure = go.Figure()
    ticks = np.array([0.5, 0.9, 0.99, 0.999])
    for number, (name, values) in enumerate(distributions.items()):
        figure.add_scatter(
            x=1 / (1 - shares),
            y=values,
            text=[f"p{share * 100:.4g}" for share in shares],
            name=html.escape(name),
            line_color=_COLOURS[number % len(_COLOURS)],
        )
    figure.update_xaxes(
        title_text="percentile",
        type="log",
        tickvals=1 / (1 - ticks),
        ticktext=[f"p{tick * 100:g}" for tick in ticks],
    )
    figure.update_yaxes(title_text="latency of successes, ms", type="log")
    return _finish(figure)


def _finish(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _INK, "family": "system-ui, sans-serif"},
        legend={"orientation": "h", "y": -0.25},
        margin={"l": 60, "r": 20, "t": 40, "b": 40},
        hovermode="closest",
        height=440,
    )
    figure.update_xaxes(gridcolor="rgba(125,125,125,0.2)", zerolinecolor="rgba(125,125,125,0.4)")
    figure.update_yaxes(gridcolor="rgba(125,125,125,0.2)", zerolinecolor="rgba(125,125,125,0.4)")
    return figure
