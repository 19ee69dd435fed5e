"""Churn: more targets than fit, asked for in turn, so that each request loads one and pushes another out."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from mmebench.benchmark.experiments.churn.fields import Churn
from mmebench.benchmark.experiments.churn.figures import ENDPOINT, Sight, write_churn
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.kind import Copy
from mmebench.endpoints.endpoint import OnThisMachine, Residency
from mmebench.errors import MmebenchError

_LOOKS = 100
"""How often it is looked what the endpoint takes."""
_DOUBLINGS = 5


def act(experiment: Churn, subject: Subject, progress: Progress) -> None:
    """Go round, look a hundred times what the endpoint takes, and write a row for each part of it.

    What was seen until an error is written, too.

    Raises:
        InvocationError: a target cannot be loaded. MmebenchError: nothing is ever evicted.
    """
    progress("find out how many targets it takes", 0.0)
    ring = _find_ring(subject, 2 * max(sum(subject.fits), experiment.at_once) + 1)
    seen: list[Sight] = []
    seconds: list[float] = []
    threads = ThreadPoolExecutor(experiment.at_once)
    began, cycle = time.monotonic(), 0
    try:
        while True:
            elapsed = time.monotonic() - began
            share = cycle / experiment.cycles if experiment.duration is None else elapsed / experiment.duration
            if share >= len({sight.cycle for sight in seen}) / _LOOKS:
                seen += _look(subject, cycle, elapsed, median(seconds) if seconds else None)
                seconds.clear()
                progress(f"{cycle} loads and evictions", min(share, 1.0))
            if share >= 1:
                return
            copies = [ring[number % len(ring)] for number in range(cycle, cycle + experiment.at_once)]
            seconds += threads.map(subject.invoke, copies)
            cycle += len(copies)
    finally:
        threads.shutdown()
        write_churn(seen, subject.files.experiment(experiment.kind).table)


def _find_ring(subject: Subject, count: int) -> tuple[Copy, ...]:
    """At least ``count`` targets, and so many that whoever goes round finds none of them in memory any more.

    More of them fit than were found to, as these are asked for once and do not grow. Where nobody says what is in
    memory, twice as many have to be enough.
    """
    for _ in range(_DOUBLINGS):
        ring = _ring(subject, count)
        subject.touch(ring)
        before = subject.endpoint.residency()
        if not isinstance(before, Residency):
            return ring
        subject.touch(ring)
        after = subject.endpoint.residency()
        if isinstance(after, Residency) and after.loads - before.loads >= len(ring):
            return ring
        count *= 2
    raise MmebenchError(
        f"churn: {count // 2} targets are in memory together and nothing is evicted; give the endpoint less memory"
    )


def _ring(subject: Subject, count: int) -> tuple[Copy, ...]:
    """At least so many, of each kind as many as its share of those that fit; the kinds in turns."""
    fits = subject.fits
    shares = [math.ceil(count * each / sum(fits)) for each in fits]
    ranked = [(rank / len(own), copy) for own in subject.copies(shares) for rank, copy in enumerate(own)]
    return tuple(copy for _, copy in sorted(ranked, key=lambda each: each[0]))


def _look(subject: Subject, cycle: int, elapsed: float, load_s: float | None) -> Iterator[Sight]:
    """What each part takes now, and what the endpoint says of its targets' memory."""
    said = subject.endpoint.measure()
    yield Sight(
        cycle=cycle,
        at_s=elapsed,
        part=ENDPOINT,
        bytes=said.memory_used,
        load_p50_s=load_s,
        loads=said.loads if isinstance(said, Residency) else None,
        targets=len(said.resident) if isinstance(said, Residency) else None,
    )
    if isinstance(subject.endpoint, OnThisMachine):
        for part in subject.endpoint.parts():
            yield Sight(
                cycle=cycle,
                at_s=elapsed,
                part=part.name,
                bytes=part.bytes,
                processes=part.processes,
                files=part.files,
                threads=part.threads,
            )
