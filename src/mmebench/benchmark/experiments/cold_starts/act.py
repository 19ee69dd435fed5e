"""Cold starts: targets that were never in memory, asked for one at a time and several at once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from statistics import median
from typing import NamedTuple

from mmebench.benchmark.experiments.cold_starts.fields import ColdStarts
from mmebench.benchmark.experiments.cold_starts.figures import ColdStart, write_cold_starts
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.kind import Copy
from mmebench.benchmark.side_by_side import side_by_side
from mmebench.formats.archive import copy_distinct
from mmebench.scratch import scratch


def act(experiment: ColdStarts, subject: Subject, progress: Progress) -> None:
    """Time the first invocations of new targets, and some more of the last ones; write a row for each target.

    As soon as one is answered the next is asked for: what a load leaves to be done, an eviction for one, is not
    done in a pause. Each target is an archive of its own, so that none finds its files unpacked by another.

    Raises:
        InvocationError: a target cannot be loaded.
    """
    cold_starts: list[ColdStart] = []
    salts = count(1)
    groups = [(kind, at_once) for kind in subject.kinds for at_once in experiment.concurrency]
    for number, (kind, at_once) in enumerate(groups):
        of = f"{kind.name}, " if subject.run.kinds else ""
        progress(f"{of}{at_once} at once", number / len(groups))
        timed = max(experiment.count, at_once)
        names = (f"{kind.name}-cold-{at_once}-{number}.tar.gz" for number in range(timed + at_once - 1))
        copies = [Copy(kind, name) for name in names]
        with _distinct_targets(subject, copies, salts):
            starts = _ask_in_turn(subject, copies, at_once)[:timed]
            warm = _ask_again(subject, [start.copy for start in starts], experiment.warm)
            cold_starts += _explained(subject, starts, at_once, warm)
    write_cold_starts(cold_starts, subject.files.experiment(experiment.kind).table)


@contextmanager
def _distinct_targets(subject: Subject, copies: Sequence[Copy], salts: Iterator[int]) -> Iterator[None]:
    """Targets that differ in their bytes, and only there; gone again afterwards, as disks are not endless."""
    try:
        with scratch(subject.files.directory, ".cold-") as folder:
            for copy, salt in zip(copies, salts, strict=False):
                archive = folder / copy.target
                copy_distinct(copy.kind.package.archive, archive, salt)
                subject.endpoint.add_targets(archive, [copy.target])
                archive.unlink()
        yield
    finally:
        subject.endpoint.remove_targets([copy.target for copy in copies])


class _Start(NamedTuple):
    """A first invocation."""

    copy: Copy
    asked: float
    """Seconds after the first one of its group."""
    seconds: float


def _ask_in_turn(subject: Subject, copies: Sequence[Copy], at_once: int) -> list[_Start]:
    """Ask for each, always so many at once; all but the last of them have company for as long as they take."""
    began = time.perf_counter()

    def start(copy: Copy) -> _Start:
        asked = time.perf_counter() - began
        return _Start(copy, asked, subject.invoke(copy))

    return [called.result() for called in side_by_side(start, copies, at_once)]


def _ask_again(subject: Subject, copies: Sequence[Copy], times: int) -> dict[str, float]:
    """Of the last ones, which nobody has evicted yet, by target: the median seconds of so many more requests."""
    found = {}
    for copy in reversed(copies[-sum(subject.fits) :]):
        subject.invoke(copy)  # of a fleet, or beside a busy neighbour, it may have been evicted all the same
        found[copy.target] = median(subject.invoke(copy) for _ in range(times))
    return found


def _explained(
    subject: Subject, starts: Sequence[_Start], at_once: int, warm: dict[str, float]
) -> Iterator[ColdStart]:
    """What the endpoint says of each."""
    loads = {load.target: load for load in subject.endpoint.recent_loads()}
    for start in starts:
        target = start.copy.target
        load = loads.get(target)
        yield ColdStart(
            kind=start.copy.kind.name if subject.run.kinds else None,
            target=target,
            concurrency=at_once,
            asked_s=start.asked,
            seconds=start.seconds,
            waiting_s=load.waiting if load else None,
            downloading_s=load.downloading if load else None,
            unpacking_s=load.unpacking if load else None,
            loading_s=load.loading if load else None,
            answering_s=start.seconds - load.seconds if load else None,
            warm_seconds=warm.get(target),
        )
