"""How the charts of report.html look, on white and on black."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from mmebench.report.palette import ON_ANY_GROUND

Numbers = Mapping[str, int]
"""Of all runs of a report, by their names: a run looks the same in every chart, also where others have no data."""
_DASHES = ("solid", "dash", "dot", "dashdot")
INK = "#7d7d7d"
"""Readable on white and on black."""


def colour_of(number: int) -> str:
    """Of the line with this number, from 0."""
    return ON_ANY_GROUND[number % len(ON_ANY_GROUND)]


def line_of(number: int) -> dict[str, Any]:
    """The line of a run; dashed differently where a colour comes again."""
    return {"color": colour_of(number), "dash": _DASHES[number // len(ON_ANY_GROUND) % len(_DASHES)]}


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
