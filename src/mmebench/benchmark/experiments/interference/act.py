"""Interference: one target under a steady rate, first alone, then while neighbours are loaded and evicted."""

import csv
from collections.abc import Iterator
from pathlib import Path

from mmebench.benchmark.experiments.interference.fields import MOST_NEIGHBOURS, Interference
from mmebench.benchmark.experiments.interference.figures import BESIDE
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.kind import PackagedKind
from mmebench.load.processes.events import Live
from mmebench.replacing import replacing
from mmebench.spec import Stage, Trace, TracedTargets


def act(experiment: Interference, subject: Subject, progress: Progress) -> None:
    """Offer a load of two stages, without neighbours and with them; it is in the experiment's ``loads``.

    It is a trace: every request, the neighbours' too, is a sample, and what was disturbed by what can be seen
    from samples alone. Of a fleet there is one for each pair of a target of one kind and neighbours of another, in
    a folder of ``loads`` of its own.
    """
    loads = subject.files.experiment(experiment.kind).loads
    if len(subject.kinds) == 1:
        _disturb(experiment, subject, subject.kinds[0], subject.kinds[0], loads, progress)
        return
    pairs = list(_pairs(experiment, subject))
    for number, (steady, neighbour) in enumerate(pairs):

        def tell(what: str, share: float, number: int = number, name: str = neighbour.name) -> None:
            progress(f"{what}: {name}", (number + share) / len(pairs))

        folder = loads / f"{steady.name}{BESIDE}{neighbour.name}"
        _disturb(experiment, subject, steady, neighbour, folder, tell)


def _pairs(experiment: Interference, subject: Subject) -> Iterator[tuple[PackagedKind, PackagedKind]]:
    """The kind with most requests, and one after another of the others beside it; beside itself another one."""
    busiest = sorted(subject.kinds, key=lambda kind: kind.asked.requests, reverse=True)
    sizes = {kind.name: kind.bytes_per_copy or 0 for kind in subject.capacity.kinds}
    largest = sorted(subject.kinds, key=lambda kind: sizes.get(kind.name, 0), reverse=True)
    names = experiment.neighbours or [kind.name for kind in largest[:MOST_NEIGHBOURS]]
    for kind in subject.kinds:
        if kind.name in names:
            yield next(other for other in busiest if other is not kind), kind


def _disturb(
    experiment: Interference,
    subject: Subject,
    steady: PackagedKind,
    neighbour: PackagedKind,
    folder: Path,
    progress: Progress,
) -> None:
    """One load: a target of the one kind, and neighbours of the other."""
    count = int(experiment.duration / experiment.every)
    names = tuple(f"{neighbour.name}-neighbour-{number}.tar.gz" for number in range(count))
    subject.endpoint.add_targets(neighbour.package.archive, names)
    one = steady.target(0)
    if steady is neighbour:
        kinds = [steady.under_load((one, *names))]
    else:
        kinds = [steady.under_load((one,)), neighbour.under_load(names)]
    stage = Stage(duration=experiment.duration + experiment.warmup, warmup=experiment.warmup)

    def tell(live: Live) -> None:
        what = "with neighbours" if live.stage else "alone"
        progress(what, (live.stage + min(1, live.elapsed / stage.duration)) / 2)

    progress("alone", 0)
    folder.mkdir(parents=True, exist_ok=True)
    trace = folder / "trace.csv"
    _write_trace(trace, _requests(experiment, stage, count))
    # Memory is full of others, so that each neighbour that comes makes another go; the one target is there.
    full = [copy for own in subject.copies(subject.fits) for copy in own]
    subject.touch(sorted(full, key=lambda copy: copy.target == one))
    subject.offer(
        folder,
        kinds,
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
