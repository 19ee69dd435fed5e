"""How the charts of report.html look, on white and on black."""

import plotly.graph_objects as go

COLOURS = ("#3b78b0", "#e08a1e", "#4f9d69", "#c8553d", "#8a6bbf", "#4aa5a8", "#b05b8c", "#8d99ae")
INK = "#7d7d7d"
"""Readable on white and on black."""


def finish(figure: go.Figure) -> go.Figure:
    """The same for all: no background, quiet lines, the legend below."""
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "family": "system-ui, sans-serif"},
        legend={"orientation": "h", "y": -0.25},
        margin={"l": 60, "r": 20, "t": 40, "b": 40},
        hovermode="closest",
        height=440,
    )
    figure.update_xaxes(gridcolor="rgba(125,125,125,0.2)", zerolinecolor="rgba(125,125,125,0.4)")
    figure.update_yaxes(gridcolor="rgba(125,125,125,0.2)", zerolinecolor="rgba(125,125,125,0.4)")
    return figure
