"""Working sets as a picture."""

import pandas as pd
from matplotlib.figure import Figure

from mmebench.benchmark.experiments.working_set.figures import THRASH, find_thrash
from mmebench.report.palette import COLOURS, MARKERS, QUIET
from mmebench.report.pictures.pictures import finish, logarithmic


def draw(cells: pd.DataFrame, title: str, footer: str) -> Figure:
    """Hits, throughput, latency and the rest over the number of targets; a line for each popularity.

    Args:
        cells: as :func:`mmebench.benchmark.experiments.working_set.figures.summarise_working_set` gives them.
        title: what was measured.
        footer: on what, and when.
    """
    figure = Figure(figsize=(13, 8), layout="constrained")
    panels = figure.subplots(2, 3).flat
    panel = dict(zip(("hits", "throughput", "latency", "share", "cold", "age"), panels, strict=True))
    for number, (s, rows) in enumerate(cells.groupby("zipf")):
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
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
            logarithmic(axes, "y", [*cells["p50_ms"], *cells["p90_ms"]])
        else:
            axes.set_ylim(0, 1.05 if name in ("hits", "share") else None)
        axes.legend(frameon=False, fontsize=8)
    panel["share"].axhline(THRASH, color=QUIET, linewidth=0.8)
    figure.suptitle(title)
    finish(figure, footer)
    return figure
