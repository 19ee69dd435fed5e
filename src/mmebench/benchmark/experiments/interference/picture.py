"""Interference as a picture."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmebench.benchmark.experiments.interference.figures import PHASES, Pair, find_tail
from mmebench.report.palette import COLOURS
from mmebench.report.pictures.pictures import finish, logarithmic
from mmebench.units import human_number

_ALONE, _DISTURBED = COLOURS[:2]


def draw(pairs: Sequence[tuple[Pair, pd.DataFrame]], title: str, footer: str) -> Figure:
    """Each pair with its table, one below the other.

    Each request's latency over time, cold starts of neighbours shaded; percentiles of the phases beside it.
    """
    figure = Figure(figsize=(13, 4.8 * len(pairs)), layout="constrained")
    rows = figure.subplots(len(pairs), 2, width_ratios=(3, 1.3), squeeze=False)
    for (over_time, bars), (pair, table) in zip(rows, pairs, strict=True):
        _draw_course(over_time, pair)
        _draw_bars(bars, table)
        for axes in (over_time, bars):
            axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    finish(figure, footer)
    return figure


def _draw_course(over_time: Axes, pair: Pair) -> None:
    course = pair.course
    if pair.steady:
        over_time.set_title(f"{pair.steady}, beside {pair.neighbours}", fontsize=10)
    for number, (began, ended) in enumerate(course.cold_starts):
        label = "a neighbour's cold start" if number == 0 else None
        over_time.axvspan(began, ended, color=_DISTURBED, alpha=0.25, linewidth=0, label=label)
    counted = course.phase >= 0
    over_time.plot(
        course.due[counted],
        course.latency[counted] * 1e3,
        linestyle="none",
        marker=".",
        markersize=3,
        color=_ALONE,
        label="a request to the one target",
    )
    logarithmic(over_time, "y", (course.latency[counted] * 1e3).tolist())
    over_time.set_ylabel("latency, ms (log scale)")
    over_time.set_xlabel("seconds since the load began")
    over_time.legend(frameon=False, fontsize=8, loc="upper left")


def _draw_bars(bars: Axes, table: pd.DataFrame) -> None:
    for offset, (name, hatch) in enumerate((("p50", ""), (find_tail(table) or "p99", "//"))):
        values = table[f"{name}_ms"]
        errors = [
            (values - table[f"{name}_low_ms"]).fillna(0),
            (table[f"{name}_high_ms"] - values).fillna(0),
        ]
        at = [number + (offset - 0.5) * 0.38 for number in range(len(table))]
        bars.bar(
            at,
            values,
            0.36,
            yerr=errors,
            capsize=3,
            hatch=hatch,
            edgecolor="white",
            color=COLOURS[offset],
            label=name,
        )
        for x, value, high in zip(at, values, errors[1], strict=True):
            text = "too few" if pd.isna(value) else human_number(value)
            top = 0 if pd.isna(value) else value + high
            bars.annotate(text, (x, top), (0, 3), textcoords="offset points", ha="center", fontsize=8)
    bars.set_xticks(range(len(PHASES)), ["alone", "between\ncold starts", "during\ncold starts"])
    bars.set_title("latency, ms, with 95 % intervals", fontsize=10)
    bars.margins(y=0.25)
    bars.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
