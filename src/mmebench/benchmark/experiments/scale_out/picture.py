"""A load around its step, as a picture."""

from matplotlib.figure import Figure

from mmebench.benchmark.experiments.scale_out.figures import ScaledOut
from mmebench.report.palette import COLOURS, QUIET
from mmebench.report.pictures.pictures import finish, logarithmic
from mmebench.units import human_seconds


def draw(found: ScaledOut, title: str, footer: str) -> Figure:
    """Requests, latency, hit ratio and instances over time, with the alarm and the instances that came."""
    figure = Figure(figsize=(13, 8), layout="constrained")
    (requests, latency), (hits, held) = figure.subplots(2, 2)
    stretches = found.stretches
    at = (stretches["from_s"] + stretches["to_s"]) / 2
    requests.plot(at, stretches["requests_per_s"], color=COLOURS[0], label="due")
    failed = stretches["failures"] / (stretches["to_s"] - stretches["from_s"])
    requests.plot(at, failed, color=COLOURS[1], linestyle="--", label="failed")
    latency.plot(at, stretches["p99_ms"], color=COLOURS[0], label="p99")
    latency.plot(at, stretches["p50_ms"], color=COLOURS[1], linestyle=":", label="p50")
    logarithmic(latency, "y", [*stretches["p50_ms"].dropna(), *stretches["p99_ms"].dropna()])
    hits.plot(at, stretches["hit_ratio"], color=COLOURS[0])
    hits.set_ylim(0, 1.05)
    held.step(*zip(*found.serving, strict=True), where="post", color="black", label="instances")
    if len(found.held):
        held.plot(found.held["at"], found.held["copies"], color=COLOURS[0], label="copies in memory")
        held.plot(
            found.held["at"], found.held["targets"], color=COLOURS[1], linestyle=":", label="targets in memory"
        )
    for axes, text in (
        (requests, "requests per second"),
        (latency, "latency of successes, ms (log scale)"),
        (hits, "hit ratio"),
        (held, "instances, and what they hold" if len(found.held) else "instances"),
    ):
        axes.axvline(0, color="black", linewidth=0.8)
        if found.alarm is not None:
            axes.axvline(
                found.alarm, color=QUIET, linestyle=":", label=f"alarm after {human_seconds(found.alarm)}"
            )
        for number, (when, instances) in enumerate(found.added):
            label = f"{instances} serve after {human_seconds(when)}" if number < 3 else None
            axes.axvline(when, color=QUIET, linestyle="--", label=label)
        if axes is not latency:
            axes.set_ylim(bottom=0)
        axes.set_title(text, fontsize=10)
        axes.set_xlabel("seconds since the step")
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    finish(figure, footer)
    return figure
