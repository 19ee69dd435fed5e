"""A trace as a picture: requests over time, popularity, bursts, and what a cache would hit."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmebench.figures.traffic import Traffic
from mmebench.report.palette import COLOURS, QUIET
from mmebench.report.pictures.pictures import finish, linear, logarithmic, quieten

_MOST_POINTS = 400
"""Of a line on a logarithmic axis."""


def draw_traffic(traffic: Traffic, title: str, footer: str) -> Figure:
    """Four panels.

    Args:
        traffic: what is drawn.
        title: which trace.
        footer: of what it was made.
    """
    figure = Figure(figsize=(12, 8), layout="constrained")
    over_time, popularity, bursts, cache = figure.subplots(2, 2).ravel()
    _draw_rates(over_time, traffic)
    _draw_popularity(popularity, traffic)
    _draw_bursts(bursts, traffic)
    _draw_hits(cache, traffic)
    for axes in (over_time, popularity, bursts, cache):
        quieten(axes)
    figure.suptitle(f"{title}: {traffic.requests:,} requests for {traffic.targets:,} targets", fontsize=12)
    finish(figure, footer)
    return figure


def _draw_rates(axes: Axes, traffic: Traffic) -> None:
    unit, size = ("h", 3600) if traffic.seconds > 7200 else ("min", 60) if traffic.seconds > 300 else ("s", 1)
    at = np.arange(len(traffic.rates)) * traffic.bin_seconds / size
    axes.step(at, traffic.rates, where="post", color=COLOURS[0], linewidth=1)
    axes.axhline(traffic.mean, color=QUIET, linestyle="--", linewidth=1, label=f"mean {traffic.mean:.3g}/s")
    linear(axes, "y", traffic.rates)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"time since the first request, {unit}")
    axes.set_ylabel(f"requests/s, in {traffic.bin_seconds:g} s each")
    axes.set_title("When")
    axes.legend(frameon=False, fontsize=9)


def _draw_popularity(axes: Axes, traffic: Traffic) -> None:
    ranks = np.arange(1, traffic.targets + 1)
    shown = np.unique(np.geomspace(1, traffic.targets, _MOST_POINTS).astype(int)) - 1
    fitted = ranks**-traffic.zipf.s.value
    axes.plot(
        ranks[shown],
        traffic.counts[shown],
        color=COLOURS[0],
        marker="o",
        markersize=3,
        linestyle="none",
        label="trace",
    )
    axes.plot(
        ranks[shown],
        (fitted / fitted.sum() * traffic.requests)[shown],
        color=COLOURS[1],
        linewidth=1.2,
        label=f"Zipf {traffic.zipf.s.value:.2f}",
    )
    logarithmic(axes, "x", [1, max(traffic.targets, 2)])
    logarithmic(axes, "y", [1, float(traffic.counts[0])])
    axes.set_xlabel("rank of the target (log scale)")
    axes.set_ylabel("requests for it (log scale)")
    axes.set_title("For which target")
    axes.legend(frameon=False, fontsize=9)


def _draw_bursts(axes: Axes, traffic: Traffic) -> None:
    axes.axhline(1, color=QUIET, linestyle="--", linewidth=1, label="requests that know nothing of each other")
    if traffic.dispersion:
        windows, values = zip(*traffic.dispersion.items(), strict=True)
        axes.plot(windows, values, color=COLOURS[0], marker="o", label="trace")
        logarithmic(axes, "x", windows)
        logarithmic(axes, "y", [*(value for value in values if value > 0), 1])
    axes.set_xlabel("seconds in which requests are counted (log scale)")
    axes.set_ylabel("variance of counts over their mean (log scale)")
    axes.set_title("In bursts?")
    axes.legend(frameon=False, fontsize=9)


def _draw_hits(axes: Axes, traffic: Traffic) -> None:
    room = np.arange(1, len(traffic.hits) + 1)
    shown = np.unique(np.geomspace(1, len(room), _MOST_POINTS).astype(int)) - 1
    axes.plot(room[shown], 100 * traffic.hits[shown], color=COLOURS[0])
    logarithmic(axes, "x", [1, max(len(room), 2)])
    axes.set_ylim(0, 100)
    axes.set_xlabel("targets that are in memory at once (log scale)")
    axes.set_ylabel("requests that find their target there, %")
    axes.set_title("Least recently used is evicted")
