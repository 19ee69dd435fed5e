"""Interference: one target under a steady rate, first alone, then while neighbours are loaded and evicted."""

import csv
from collections.abc import Iterator
from pathlib import Path

from mmebench.benchmark.experiments.interference.fields import Interference
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.load.processes.events import Live
from mmebench.replacing import replacing
from mmebench.spec import Stage, Trace, TracedTargets


def act(experiment: Interference, subject: Subject, progress: Progress) -> None:
    """Offer one load of two stages, without neighbours and with them; it is in the experiment's ``loads``.

    It is a trace: every request, the neighbours' too, is a sample, and what was disturbed by what can be seen
    from samples alone.
    """
    neighbours = int(experiment.duration / experiment.every)
    names = tuple(f"{subject.model}-neighbour-{number}.tar.gz" for number in range(neighbours))
    subject.endpoint.add_targets(subject.archive, names)
    targets = subject.targets(1) + names
    stage = Stage(duration=experiment.duration + experiment.warmup, warmup=experiment.warmup)

    def tell(live: Live) -> None:
        what = "with neighbours" if live.stage else "alone"
        progress(what, (live.stage + min(1, live.elapsed / stage.duration)) / 2)

    progress("alone", 0)
    folder = subject.files.experiment(experiment.kind).loads
    folder.mkdir(parents=True, exist_ok=True)
    trace = folder / "trace.csv"
    _write_trace(trace, _requests(experiment, stage, neighbours))
    # Memory is full of others, so that each neighbour that comes makes another go; the one target is there.
    subject.touch(subject.targets(subject.fits)[::-1])
    subject.offer(
        folder,
        targets,
        popularity=TracedTargets(kind="trace"),
        arrivals=Trace(kind="trace", path=trace),
        stages=(stage, stage),
        on_live=tell,
    )


def _requests(experiment: Interference, stage: Stage, neighbours: int) -> Iterator[tuple[float, int]]:
    """Second and target: number 0 in both stages, each of the others once while the second one counts."""
    for number in range(int(2 * stage.duration * experiment.rate)):
        yield number / experiment.rate, 0
    for number in range(neighbours):
        at = stage.duration + stage.warmup_seconds + number * experiment.every
        # Half a period off, so that a neighbour does not start in the very moment of a request.
        yield at + 0.5 / experiment.rate, 1 + number


def _write_trace(path: Path, requests: Iterator[tuple[float, int]]) -> None:
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("timestamp", "target"))
        writer.writerows(requests)
