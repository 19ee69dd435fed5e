"""Interference as a picture."""

import pandas as pd
from matplotlib.figure import Figure

from mmebench.benchmark.experiments.interference.figures import PHASES, Course
from mmebench.report.palette import COLOURS
from mmebench.report.pictures.pictures import finish, logarithmic
from mmebench.units import human_number

_ALONE, _DISTURBED = COLOURS[:2]


def draw(course: Course, table: pd.DataFrame, title: str, footer: str) -> Figure:
    """Each request's latency over time, cold starts of neighbours shaded; percentiles of the phases beside it."""
    figure = Figure(figsize=(13, 4.8), layout="constrained")
    over_time, bars = figure.subplots(1, 2, width_ratios=(3, 1.3))
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
    for offset, (name, hatch) in enumerate((("p50", ""), ("p99", "//"))):
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
            text = "none" if pd.isna(value) else human_number(value)
            top = 0 if pd.isna(value) else value + high
            bars.annotate(text, (x, top), (0, 3), textcoords="offset points", ha="center", fontsize=8)
    bars.set_xticks(range(len(PHASES)), ["alone", "between\ncold starts", "during\ncold starts"])
    bars.set_title("latency, ms, with 95 % intervals", fontsize=10)
    bars.margins(y=0.15)
    bars.legend(frameon=False, fontsize=8, loc="upper left")
    for axes in (over_time, bars):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    finish(figure, footer)
    return figure
