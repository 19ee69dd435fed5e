"""A load around the moment in which everything is cold, as a picture."""

import pandas as pd
from matplotlib.figure import Figure

from mmebench.figures.recovery import Recovered
from mmebench.report.palette import COLOURS, QUIET
from mmebench.report.pictures.pictures import finish, logarithmic
from mmebench.units import human_seconds


def draw(stretches: pd.DataFrame, recovered: Recovered, title: str, footer: str) -> Figure:
    """Hit ratio, latency and throughput over time, with when they are back.

    Args:
        stretches: as :func:`mmebench.figures.recovery.find_stretches` gives them.
        recovered: when it was as before.
        title: what was measured.
        footer: on what, and when.
    """
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    hits, latency, throughput = figure.subplots(1, 3)
    at = (stretches["from_s"] + stretches["to_s"]) / 2
    hits.plot(at, stretches["hit_ratio"], color=COLOURS[0])
    hits.set_ylim(0, 1.05)
    latency.plot(at, stretches["p99_ms"], color=COLOURS[0], label="p99")
    latency.plot(at, stretches["p50_ms"], color=COLOURS[1], linestyle=":", label="p50")
    logarithmic(latency, "y", [*stretches["p50_ms"].dropna(), *stretches["p99_ms"].dropna()])
    throughput.plot(at, stretches["requests_per_s"], color=COLOURS[0], label="begun")
    if stretches["failures"].any():
        failed = stretches["failures"] / (stretches["to_s"] - stretches["from_s"])
        throughput.plot(at, failed, color=COLOURS[1], linestyle="--", label="failed")
    throughput.set_ylim(bottom=0)
    for axes, text, back in (
        (hits, "hit ratio", recovered.hits),
        (latency, "latency of successes, ms (log scale)", recovered.latency),
        (throughput, "requests per second", None),
    ):
        axes.axvline(0, color="black", linewidth=0.8)
        if back is not None:
            axes.axvline(back, color=QUIET, linestyle="--", label=f"as before after {human_seconds(back)}")
        axes.set_title(text, fontsize=10)
        axes.set_xlabel("seconds since nothing was in memory")
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    finish(figure, footer)
    return figure
