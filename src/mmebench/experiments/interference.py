"""Interference: one target under a steady rate, first alone, then while neighbours are loaded and evicted."""

import csv
from collections.abc import Iterator
from pathlib import Path

from mmebench.experiments.subject import Progress, Subject
from mmebench.load.events import Live
from mmebench.spec import Interference, Stage, Trace, TracedTargets

_WARMUP_SECONDS = 5.0
_SPARE_NEIGHBOURS = 2
"""So many more than fit, so that each of them is evicted again before its turn comes back."""


def show_interference(experiment: Interference, subject: Subject, progress: Progress) -> None:
    """Offer one load of two stages, without neighbours and with them; it is in the experiment's ``loads``.

    It is a trace: every request, the neighbours' too, is a sample, and what was disturbed by what can be seen
    from samples alone.
    """
    targets = subject.targets(subject.fits + 1 + _SPARE_NEIGHBOURS)
    seconds = experiment.duration + _WARMUP_SECONDS
    stage = Stage(duration=seconds, warmup=_WARMUP_SECONDS)

    def tell(live: Live) -> None:
        what = "with neighbours" if live.stage else "alone"
        progress(what, (live.stage + min(1, live.elapsed / seconds)) / 2)

    progress("alone", 0)
    folder = subject.files.experiment(experiment.kind).loads
    folder.mkdir(parents=True, exist_ok=True)
    trace = folder / "trace.csv"
    _write_trace(trace, _requests(experiment, seconds, len(targets) - 1))
    # The one target last; of the others those whose turn comes last, so that the first neighbour is cold.
    subject.touch((*targets[1:], targets[0]))
    subject.offer(
        folder,
        targets,
        popularity=TracedTargets(kind="trace"),
        arrivals=Trace(kind="trace", path=trace),
        stages=(stage, stage),
        on_live=tell,
    )


def _requests(experiment: Interference, seconds: float, neighbours: int) -> Iterator[tuple[float, int]]:
    """Second and target: number 0 all the time, the others in turn in the second half."""
    for number in range(int(2 * seconds * experiment.rate)):
        yield number / experiment.rate, 0
    for number in range(int((seconds - _WARMUP_SECONDS) / experiment.every)):
        # Half a period off, so that a neighbour does not start in the very moment of a request.
        at = seconds + _WARMUP_SECONDS + number * experiment.every
        yield at + 0.5 / experiment.rate, 1 + number % neighbours


def _write_trace(path: Path, requests: Iterator[tuple[float, int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("timestamp", "target"))
        writer.writerows(requests)
