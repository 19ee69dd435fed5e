"""How pictures look: in colour and in grey, as PNG and as SVG."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mmebench.replacing import replacing
from mmebench.report.ticks import logarithmic_ticks, need_logarithm

_TITLE = 95
"""Letters that a line of a title holds."""
_LINE = 0.2
"""The height of one in a legend, in inches."""
_DPI = 140
"""Of a PNG."""
MOST_POINTS = 120
"""Along a line so many can be told apart; it has no markers where there are more."""


_Shown = TypeVar("_Shown", bound=Figure | None)


def finish(figure: Figure, footer: str) -> None:
    """Say below what it was measured on and when."""
    figure.supxlabel(footer, fontsize=8, color="#555555", x=0.99, ha="right")


def drawn(draw: Callable[..., _Shown], of: Sequence[object]) -> _Shown:
    """The figure that a function makes of these; ``save`` it."""
    with _without_formulas():
        return draw(*of)


def _without_formulas() -> AbstractContextManager[None]:
    """A name with two dollars in it is none."""
    return matplotlib.rc_context({"text.parse_math": False})


def save(figure: Figure, path: Path, identifier: str | None = None) -> None:
    """Write the figure as PNG, and beside it as SVG, which scales and whose words can be searched.

    Args:
        figure: is not to be used any more.
        path: of the PNG.
        identifier: of what it shows, which both carry among their metadata.
    """
    carried = {} if identifier is None else {"Identifier": identifier}
    figure.set_dpi(_DPI)
    with _without_formulas(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mmebench"}):
        if (layout := figure.get_layout_engine()) is not None:
            layout.execute(figure)
            # Everything has its place now; with a layout, each format would be drawn twice, once for nothing.
            figure.set_layout_engine(None)
        with replacing(path) as partial:
            figure.savefig(partial, format="png", dpi=_DPI, metadata=carried)
        with replacing(path.with_suffix(".svg")) as partial:
            figure.savefig(partial, format="svg", metadata={"Date": None, **carried})


def legend_below(axes: Axes, handles: Sequence[Any] | None = None, title: str | None = None) -> None:
    """A legend of two columns below the axes, for which the figure is made higher; the last of its parts."""
    handles = axes.get_legend_handles_labels()[0] if handles is None else handles
    figure = axes.get_figure(root=True)
    assert figure is not None
    lines = -(-len(handles) // 2) + (title is not None)
    figure.set_figheight(figure.get_figheight() + _LINE * lines)
    axes.legend(
        handles=handles,
        title=title,
        loc="upper left",
        bbox_to_anchor=(-0.06, -0.11),
        frameon=False,
        ncols=2,
        fontsize=9,
        title_fontsize=9,
        alignment="left",
    )


def titled(of: str, what: str) -> str:
    """What a picture shows, and of what; in two lines where one does not hold it, which ten inches are for."""
    return f"{of}: {what}" if len(of) + len(what) <= _TITLE else f"{of}:\n{what}"


def quieten(axes: Axes) -> None:
    """No frame, and lines to read values by that do not draw the eye."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)


def logarithmic(axes: Axes, which: Literal["x", "y"], values: Iterable[float]) -> None:
    """Make an axis logarithmic, from a round number below these values to one above them.

    It has at least two numbers at it however close the values are, and not too many however far apart.
    """
    ticks = logarithmic_ticks(values)
    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log", f"{which}lim": (ticks.low, ticks.high)})
    axis.set_major_locator(FixedLocator(ticks.at))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    axis.set_minor_locator(NullLocator())


def linear(axes: Axes, which: Literal["x", "y"], values: Iterable[float]) -> None:
    """An axis from zero, with some room above the largest value."""
    known = [value for value in values if value > 0] or [1.0]
    axes.set(**{f"{which}lim": (0, max(known) * 1.12)})


def fit(axes: Axes, which: Literal["x", "y"], values: Iterable[float]) -> str:
    """A linear axis, or a logarithmic one where small values would be lost; returns what to add to its name."""
    known = [value for value in values if value > 0]
    if need_logarithm(known):
        logarithmic(axes, which, known)
        return " (log scale)"
    linear(axes, which, known)
    return ""
