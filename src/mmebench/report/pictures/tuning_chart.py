"""The trials of a tuning: what each holds, and how the best one was found."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmebench.record.tuning import Tried, TuningRecord
from mmebench.report.palette import COLOURS, QUIET
from mmebench.report.pictures.labels import Label, place_labels
from mmebench.report.pictures.pictures import finish, fit, legend_below, linear, quieten

_HELD, _MISSED = COLOURS[0], COLOURS[1]


def draw_tuning(record: TuningRecord, title: str, footer: str) -> Figure | None:
    """Throughput against copies, with the Pareto front, and beside it the value of the goal from trial to trial.

    Args:
        record: of the tuning.
        title: which model.
        footer: on what it was measured, and when.

    Returns:
        None where no trial has figures.
    """
    known = [trial for trial in record.trials if trial.capacity is not None and trial.throughput_per_s is not None]
    if not known:
        return None
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_front(left, known)
    _draw_course(right, record)
    figure.suptitle(f"{title}: {len(record.trials)} trials, for {record.goal}", fontsize=12)
    legend_below(left)
    legend_below(right)
    finish(figure, footer)
    return figure


def _draw_front(axes: Axes, trials: Sequence[Tried]) -> None:
    """Each trial as a point; further right and further up is better."""
    for label, colour, marker, chosen in (
        ("within the objectives", _HELD, "o", [trial for trial in trials if trial.counts]),
        ("misses the objectives", _MISSED, "x", [trial for trial in trials if not trial.held]),
        ("ended early", QUIET, "s", [trial for trial in trials if trial.held and trial.state != "measured"]),
    ):
        if chosen:
            axes.plot(*_at(chosen), color=colour, marker=marker, linestyle="none", label=label)
    front = sorted((trial for trial in trials if trial.on_front), key=lambda trial: trial.capacity or 0)
    if front:
        axes.plot(
            *_at(front),
            color=QUIET,
            alpha=0.4,
            marker="o",
            markersize=15,
            markeredgewidth=0,
            linestyle="none",
            zorder=1,
            label="Pareto front",
        )
    best = [trial for trial in trials if trial.rank == 1]
    if best:
        axes.plot(*_at(best), color=_HELD, marker="*", markersize=17, linestyle="none", label="the best")
    linear(axes, "x", _at(trials)[0])
    linear(axes, "y", _at(trials)[1])
    axes.set_xlabel("copies that fit")
    axes.set_ylabel("most requests/s within the objectives")
    quieten(axes)
    named = sorted(front, key=lambda trial: trial.rank or 0)
    place_labels(
        axes,
        [Label(trial.capacity or 0, trial.throughput_per_s or 0, trial.name, "black") for trial in named],
        list(zip(*_at(trials), strict=True)),
    )


def _draw_course(axes: Axes, record: TuningRecord) -> None:
    """The value of each trial with its interval, and the best until then."""
    better = max if record.largest else min
    known = [(number, trial) for number, trial in enumerate(record.trials, 1) if trial.value is not None]
    counted = [(number, trial) for number, trial in known if trial.counts]
    values = np.array([[trial.value, trial.value_low, trial.value_high] for _, trial in counted], float)
    if counted:
        numbers = [number for number, _ in counted]
        error = np.nan_to_num(np.abs(values[:, 1:] - values[:, :1]).T)
        axes.errorbar(
            numbers, values[:, 0], error, color=_HELD, marker="o", linestyle="none", elinewidth=1, label="a trial"
        )
        until = [better(values[: count + 1, 0]) for count in range(len(counted))]
        steps = [*numbers, len(record.trials)], [*until, until[-1]]
        axes.step(*steps, where="post", color=_HELD, alpha=0.5, label="the best until then")
    others = [(number, trial) for number, trial in known if not trial.counts]
    if others:
        axes.plot(
            [number for number, _ in others],
            [trial.value or 0 for _, trial in others],
            color=QUIET,
            marker="s",
            linestyle="none",
            label="ended early, or misses the objectives",
        )
    log = fit(axes, "y", [trial.value or 0 for _, trial in known])
    axes.set_xlim(0.5, len(record.trials) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{record.goal}, {record.unit}{log}")
    quieten(axes)


def _at(trials: Sequence[Tried]) -> tuple[list[float], list[float]]:
    return [trial.capacity or 0 for trial in trials], [trial.throughput_per_s or 0 for trial in trials]
