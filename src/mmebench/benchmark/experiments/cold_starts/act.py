"""Cold starts: targets that were never in memory, asked for one at a time and several at once."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from threading import Barrier

from mmebench.benchmark.experiments.cold_starts.fields import ColdStarts
from mmebench.benchmark.experiments.cold_starts.figures import ColdStart, write_cold_starts
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.formats.archive import copy_distinct
from mmebench.scratch import scratch


def act(experiment: ColdStarts, subject: Subject, progress: Progress) -> None:
    """Time the first invocations of new targets, and some more of each; write a row for each target.

    Each target is an archive of its own, so that none finds its files unpacked by another.

    Raises:
        InvocationError: a target cannot be loaded.
    """
    cold_starts: list[ColdStart] = []
    counts = {at_once: math.ceil(experiment.count / at_once) * at_once for at_once in experiment.concurrency}
    for concurrency, count in counts.items():  # with no group smaller than it is called
        for first in range(0, count, concurrency):
            progress(f"{concurrency} at once", len(cold_starts) / sum(counts.values()))
            numbers = range(first, first + concurrency)
            names = tuple(f"{subject.model}-cold-{concurrency}-{number}.tar.gz" for number in numbers)
            with _distinct_targets(subject, names, salt=len(cold_starts)):
                cold_starts += _start(subject, names, concurrency, experiment.warm)
    write_cold_starts(cold_starts, subject.files.experiment(experiment.kind).table)


@contextmanager
def _distinct_targets(subject: Subject, names: tuple[str, ...], salt: int) -> Iterator[None]:
    """Targets that differ in their bytes, and only there; gone again afterwards, as disks are not endless."""
    with scratch(subject.files.directory, ".cold-") as folder:
        for number, name in enumerate(names, start=salt + 1):
            archive = folder / name
            copy_distinct(subject.archive, archive, number)
            subject.endpoint.add_targets(archive, [name])
        try:
            yield
        finally:
            subject.endpoint.remove_targets(names)


def _start(subject: Subject, names: tuple[str, ...], concurrency: int, warm: int) -> list[ColdStart]:
    """Ask for all of them at once, then for each again."""
    together = Barrier(len(names))

    def first_invocation(name: str) -> float:
        together.wait()
        return _time(subject, name)

    with ThreadPoolExecutor(len(names)) as threads:
        seconds = list(threads.map(first_invocation, names))
    loads = {load.target: load for load in subject.endpoint.recent_loads()}
    found = []
    for name, total in zip(names, seconds, strict=True):
        load = loads.get(name)
        found.append(
            ColdStart(
                target=name,
                concurrency=concurrency,
                seconds=total,
                waiting_s=load.waiting if load else None,
                downloading_s=load.downloading if load else None,
                unpacking_s=load.unpacking if load else None,
                loading_s=load.loading if load else None,
                answering_s=total - load.seconds if load else None,
                warm_seconds=median(_time(subject, name) for _ in range(warm)),
            )
        )
    return found


def _time(subject: Subject, name: str) -> float:
    started = time.perf_counter()
    subject.client.invoke(name, *subject.body)
    return time.perf_counter() - started
