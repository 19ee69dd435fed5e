"""The charts of report.html over time."""

import html

import pandas as pd
import plotly.graph_objects as go

from mmebench.report.page.look import INK, Numbers, finish, line_of


def draw_course(courses: dict[str, pd.DataFrame], numbers: Numbers) -> go.Figure | None:
    """Latency over time.

    Args:
        courses: for each run a row a second with ``second``, ``p50_ms``, ``p99_ms`` and ``stage``, as
            :func:`mmebench.figures.latency.latency_by_second` gives them.
        numbers: of all runs.
    """
    if not courses:
        return None
    figure = go.Figure()
    for place, (name, rows) in enumerate(courses.items()):
        for column, width in (("p50_ms", 1), ("p99_ms", 2)):
            figure.add_scatter(
                x=rows["second"],
                y=rows[column],
                text=rows["stage"],
                name=f"{html.escape(name)}: {column.removesuffix('_ms')}",
                meta=html.escape(name),
                legendgroup=name,
                line=line_of(numbers[name]) | {"width": width},
                visible=True if place == 0 else "legendonly",
            )
        for second in rows.loc[rows["stage"].ne(rows["stage"].shift()), "second"][1:] if place == 0 else ():
            figure.add_vline(x=second, line_width=1, line_dash="dot", line_color=INK)
    figure.update_xaxes(title_text="seconds since the load began")
    figure.update_yaxes(title_text="latency of successes, ms", type="log")
    return finish(figure)


def draw_endpoints(sightings: dict[str, pd.DataFrame], numbers: Numbers) -> go.Figure | None:
    """Memory of all targets while the load went on; a point says how many there were.

    Args:
        sightings: by run, as :func:`mmebench.record.sightings.read_sightings` gives them.
        numbers: of all runs.
    """
    if not sightings:
        return None
    figure = go.Figure()
    for name, seen in sightings.items():
        words = [
            f"{targets:.0f} targets, {evictions:.0f} evictions"
            for targets, evictions in zip(
                seen["targets"], seen["evictions"] - seen["evictions"].iloc[0], strict=True
            )
        ]
        figure.add_scatter(
            x=seen["at"],
            y=seen["memory_used"] / 2**20,
            text=words,
            name=html.escape(name),
            meta=html.escape(name),
            line=line_of(numbers[name]),
        )
    figure.update_xaxes(title_text="seconds since the load began")
    figure.update_yaxes(title_text="memory of all targets, MiB", rangemode="tozero")
    return finish(figure)


def draw_metrics(metrics: dict[str, pd.DataFrame]) -> go.Figure | None:
    """What CloudWatch and ``server_metrics`` recorded; a click on a name shows or hides it.

    Args:
        metrics: by run, as :func:`mmebench.record.metrics.read_metrics` gives them.
    """
    if not metrics:
        return None
    figure = go.Figure()
    for name, rows in metrics.items():
        for (source, metric, statistic), values in rows.groupby(["source", "metric", "statistic"]):
            figure.add_scatter(
                x=values["at"],
                y=values["value"],
                meta=html.escape(name),
                name=html.escape(f"{name}: {metric} ({statistic}, {values['unit'].iloc[0]}, {source})"),
                visible=True if "utilization" in str(metric).lower() else "legendonly",
            )
    figure.update_yaxes(title_text="value, in its own unit", rangemode="tozero")
    return finish(figure)
