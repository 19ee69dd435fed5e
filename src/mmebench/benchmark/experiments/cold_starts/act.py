"""Cold starts: targets that were never in memory, asked for one at a time and several at once."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from threading import Barrier

from mmebench.benchmark.experiments.cold_starts.fields import ColdStarts
from mmebench.benchmark.experiments.cold_starts.figures import ColdStart, write_cold_starts
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.kind import Copy
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
    whole = sum(counts.values()) * len(subject.kinds)
    for kind in subject.kinds:
        for concurrency, count in counts.items():  # with no group smaller than it is called
            for first in range(0, count, concurrency):
                of = f"{kind.name}, " if subject.run.kinds else ""
                progress(f"{of}{concurrency} at once", len(cold_starts) / whole)
                numbers = range(first, first + concurrency)
                names = (f"{kind.name}-cold-{concurrency}-{number}.tar.gz" for number in numbers)
                copies = [Copy(kind, name) for name in names]
                with _distinct_targets(subject, copies, salt=len(cold_starts)):
                    cold_starts += _start(subject, copies, concurrency, experiment.warm)
    write_cold_starts(cold_starts, subject.files.experiment(experiment.kind).table)


@contextmanager
def _distinct_targets(subject: Subject, copies: Sequence[Copy], salt: int) -> Iterator[None]:
    """Targets that differ in their bytes, and only there; gone again afterwards, as disks are not endless."""
    with scratch(subject.files.directory, ".cold-") as folder:
        for number, copy in enumerate(copies, start=salt + 1):
            archive = folder / copy.target
            copy_distinct(copy.kind.package.archive, archive, number)
            subject.endpoint.add_targets(archive, [copy.target])
        try:
            yield
        finally:
            subject.endpoint.remove_targets([copy.target for copy in copies])


def _start(subject: Subject, copies: Sequence[Copy], concurrency: int, warm: int) -> list[ColdStart]:
    """Ask for all of them at once, then for each again."""
    together = Barrier(len(copies))

    def first_invocation(copy: Copy) -> float:
        together.wait()
        return subject.invoke(copy)

    with ThreadPoolExecutor(len(copies)) as threads:
        seconds = list(threads.map(first_invocation, copies))
    loads = {load.target: load for load in subject.endpoint.recent_loads()}
    found = []
    for copy, total in zip(copies, seconds, strict=True):
        load = loads.get(copy.target)
        found.append(
            ColdStart(
                kind=copy.kind.name if subject.run.kinds else None,
                target=copy.target,
                concurrency=concurrency,
                seconds=total,
                waiting_s=load.waiting if load else None,
                downloading_s=load.downloading if load else None,
                unpacking_s=load.unpacking if load else None,
                loading_s=load.loading if load else None,
                answering_s=total - load.seconds if load else None,
                warm_seconds=median(subject.invoke(copy) for _ in range(warm)),
            )
        )
    return found
