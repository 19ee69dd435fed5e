"""A picture for each experiment, and for the filling of the endpoint before it."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmebench.figures.cold_starts import PARTS
from mmebench.figures.interference import PHASES, Course
from mmebench.figures.working_set import THRASH, find_thrash
from mmebench.record.run import Capacity
from mmebench.report.palette import MARKERS, QUIET, SERIES
from mmebench.report.pictures.pictures import finish, plain_numbers
from mmebench.units import human_number

_MIB = 2**20
_ALONE, _DISTURBED = SERIES[:2]


def draw_working_set(cells: pd.DataFrame, title: str, footer: str) -> Figure:
    """Hits, throughput, latency and the rest over the number of targets; a line for each popularity.

    Args:
        cells: as :func:`mmebench.figures.working_set.summarise_working_set` gives them.
        title: what was measured.
        footer: on what, and when.
    """
    figure = Figure(figsize=(13, 8), layout="constrained")
    panels = figure.subplots(2, 3).flat
    panel = dict(zip(("hits", "throughput", "latency", "share", "cold", "age"), panels, strict=True))
    for number, (s, rows) in enumerate(cells.groupby("zipf")):
        style = {"color": SERIES[number % len(SERIES)], "marker": MARKERS[number % len(MARKERS)]}
        plain = {"color": style["color"], "linestyle": ":"}
        label = "uniform" if s == 0 else f"zipf {s:g}"
        x, begin = rows["ratio"], find_thrash(rows)
        panel["hits"].plot(x, rows["hit_ratio"], **style, label=f"{label}, measured")
        panel["hits"].plot(x, rows["predicted_hit_ratio"], **plain, label=f"{label}, predicted")
        panel["throughput"].plot(x, rows["requests_per_s"], **style, label=label)
        panel["latency"].plot(x, rows["p90_ms"], **style, label=f"{label}, p90")
        panel["latency"].plot(x, rows["p50_ms"], **plain, label=f"{label}, p50")
        thrash = "no thrash" if begin is None else f"thrash from {begin:.2f}"
        panel["share"].plot(x, rows["cold_time_share"], **style, label=f"{label}: {thrash}")
        panel["cold"].plot(x, rows["cold_starts_per_s"], **style, label=label)
        panel["age"].plot(x, rows["lru_age_s"], **style, label=f"{label}, measured")
        panel["age"].plot(x, rows["predicted_lru_age_s"], **plain, label=f"{label}, predicted")
    error = cells["prediction_error"].abs().mean()
    for name, text in {
        "hits": f"hit ratio; the prediction is off by {error:.3f} on average",
        "throughput": "successful requests per second",
        "latency": "latency of successes, ms (log scale)",
        "share": "share of all waiting that cold starts took",
        "cold": "cold starts per second",
        "age": "age of the least recently used in memory, s",
    }.items():
        axes = panel[name]
        axes.set_title(text, fontsize=10)
        axes.axvline(1, color=QUIET, linewidth=0.8)
        axes.set_xlabel("targets, as a multiple of what fits")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if name == "latency":
            axes.set_yscale("log")
            plain_numbers(axes.yaxis)
        else:
            axes.set_ylim(0, 1.05 if name in ("hits", "share") else None)
        axes.legend(frameon=False, fontsize=8)
    panel["share"].axhline(THRASH, color=QUIET, linewidth=0.8)
    figure.suptitle(title)
    finish(figure, footer)
    return figure


def draw_capacity(capacity: Capacity, title: str, footer: str) -> Figure:
    """Memory in use over targets loaded, where anybody says, and how long each first invocation took."""
    copies = range(1, len(capacity.loads) + 1)
    measured = any(load.memory_used is not None for load in capacity.loads)
    figure = Figure(figsize=(12 if measured else 7, 4.4), layout="constrained")
    *memory, seconds = figure.subplots(1, 1 + measured, squeeze=False)[0]
    for axes in memory:
        _draw_memory(axes, capacity, copies)
    first = "first invocation, which waits for the load"
    seconds.set_title(first if measured else f"{capacity.found}\n{first}", fontsize=10)
    seconds.bar(copies, [load.seconds for load in capacity.loads], color=SERIES[2])
    seconds.set_ylabel("seconds")
    for axes in (*memory, seconds):
        axes.set_xlabel("targets in memory")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    finish(figure, footer)
    return figure


def _draw_memory(memory: Axes, capacity: Capacity, copies: range) -> None:
    used = [_mib(load.memory_used) for load in capacity.loads]
    memory.plot(copies, used, marker="o", color=SERIES[0], label="after the largest batch that the load can form")
    loaded = [_mib(load.memory_loaded) for load in capacity.loads]
    memory.plot(copies, loaded, marker="s", linestyle=":", color=SERIES[1], label="after one request to the last")
    if capacity.memory_budget:
        memory.axhline(capacity.memory_budget / _MIB, color=QUIET, linestyle="--", label="budget")
    memory.set_title(_describe_capacity(capacity), fontsize=10)
    memory.set_ylabel("memory of all targets, MiB")
    memory.set_ylim(0, None)
    memory.legend(frameon=False, fontsize=8, loc="lower right")


def _mib(size: int | None) -> float:
    return math.nan if size is None else size / _MIB


def _describe_capacity(capacity: Capacity) -> str:
    text = capacity.found
    if capacity.bytes_per_copy is not None:
        text += f"; {capacity.bytes_per_copy / _MIB:.0f} MiB a copy"
    if capacity.bytes_per_copy_bounds is not None:
        low, high = (bound / _MIB for bound in capacity.bytes_per_copy_bounds)
        text += f" ({low:.0f} to {high:.0f} with 95 % confidence)"
    return text


def draw_interference(course: Course, table: pd.DataFrame, title: str, footer: str) -> Figure:
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
    over_time.set_yscale("log")
    plain_numbers(over_time.yaxis)
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
            color=SERIES[offset],
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


def draw_cold_starts(cold_starts: pd.DataFrame, title: str, footer: str) -> Figure:
    """What a cold start is made of, at each concurrency, and how its length is distributed.

    Args:
        cold_starts: a row each, as :func:`mmebench.figures.cold_starts.read_cold_starts` gives them.
        title: what was measured.
        footer: on what, and when.
    """
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    split, spread = figure.subplots(1, 2)
    groups = list(cold_starts.groupby("concurrency"))
    names = [f"{concurrency} at once" for concurrency, _ in groups]
    left = pd.Series(0.0, index=range(len(groups)))
    for number, (column, text) in enumerate(PARTS.items()):
        means = pd.Series([rows[column].mean() for _, rows in groups]).fillna(0)
        split.barh(names, means, left=left, color=SERIES[number], edgecolor="white", label=text, height=0.6)
        left += means
    for position, (_, rows) in enumerate(groups):
        total, end = rows["seconds"].mean(), left[position]
        split.annotate(f"{total:.3g} s", (end, position), (4, 0), textcoords="offset points", va="center")
    split.invert_yaxis()
    split.margins(x=0.12)
    split.set_xlabel("seconds, mean")
    split.set_title("what a first invocation waits for", fontsize=10)
    split.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    for number, (concurrency, rows) in enumerate(groups):
        spread.ecdf(rows["seconds"], color=SERIES[number % len(SERIES)], label=f"{concurrency} at once")
    spread.ecdf(cold_starts["warm_seconds"], color="black", linestyle="--", label="warm")
    spread.set_xscale("log")
    plain_numbers(spread.xaxis)
    spread.set_xlabel("seconds (log scale)")
    spread.set_ylabel("share of invocations that took no longer")
    spread.set_title("first invocations, and warm ones", fontsize=10)
    spread.legend(frameon=False, fontsize=8)
    for axes in (split, spread):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    finish(figure, footer)
    return figure
