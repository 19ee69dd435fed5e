"""The subject of an experiment: a filled endpoint, and all that there is to ask of it."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmebench.benchmark.kind import Copy, PackagedKind
from mmebench.benchmark.measurement import complete, digest, measure_watching, now
from mmebench.endpoints.endpoint import Endpoint
from mmebench.load.asked_kind import AskedKind
from mmebench.load.job import LoadJob
from mmebench.load.processes.events import Live
from mmebench.record.layout import RunFiles
from mmebench.record.run import Capacity, ModelKind, Run, find_run
from mmebench.spec import Arrivals, ClosedLoop, Poisson, Popularity, Profile, Stage, Zipf
from mmebench.wire.runtime import RuntimeClient

Progress = Callable[[str, float], None]
"""Told what is done now, and which share of the experiment is over."""


@dataclass(frozen=True)
class Subject:
    """A filled endpoint, and all that an experiment may ask of it."""

    endpoint: Endpoint
    client: RuntimeClient
    kinds: tuple[PackagedKind, ...]
    """What it serves: one kind of model, or, of a fleet, several."""
    capacity: Capacity
    job: LoadJob
    """The load of the run that the experiment belongs to."""
    run: Run
    """Its record, and ``files``: its files."""
    files: RunFiles
    so_far: Callable[[], float | None]
    """What the benchmark has cost, in US dollars; None where nothing does."""
    watch: Callable[[Live], None]
    """Told about once a second what a load is like."""

    @property
    def fits(self) -> tuple[int, ...]:
        """Of each kind: targets that are in memory beside those of the others without an eviction, or 1."""
        if not self.capacity.kinds:
            return (self.capacity.fits,)
        return tuple(max(1, kind.fits) for kind in self.capacity.kinds)

    def copies(self, counts: Sequence[int]) -> tuple[tuple[Copy, ...], ...]:
        """Of each kind the first so many copies, all addressable."""
        found = []
        for kind, count in zip(self.kinds, counts, strict=True):
            targets = kind.targets(count)
            self.endpoint.add_targets(kind.package.archive, targets)
            found.append(tuple(Copy(kind, target) for target in targets))
        return tuple(found)

    def invoke(self, copy: Copy) -> float:
        """Send one request of the load and wait for the answer; returns the seconds that took."""
        started = time.perf_counter()
        self.client.invoke(copy.target, *copy.kind.body)
        return time.perf_counter() - started

    def grow(self, copy: Copy) -> None:
        """Make it as large in memory as the load can make it."""
        copy.kind.growth.send(lambda body: self.client.invoke(copy.target, *body))

    def touch(self, copies: Iterable[Copy]) -> None:
        """Have these in memory, the last one as the most recently used."""
        for copy in copies:
            self.invoke(copy)

    def _most_popular_last(self, copies: Sequence[Sequence[Copy]]) -> list[Copy]:
        """Of each kind as many as fit, the kinds in turns: asked for so, they are in memory as after a long time.

        Args:
            copies: of each kind, the most popular first.
        """
        ranked = [
            (rank / most, copy)
            for own, most in zip(copies, self.fits, strict=True)
            for rank, copy in enumerate(own[:most])
        ]
        return [copy for _, copy in sorted(ranked, key=lambda each: each[0], reverse=True)]

    def offer_by_zipf(
        self,
        folder: Path,
        copies: Sequence[Sequence[Copy]],
        s: float,
        stages: tuple[Stage, ...],
        on_live: Callable[[Live], None],
    ) -> RunFiles:
        """Offer a load on copies of each kind, the first of which are asked for most and are in memory at first.

        Stages have all users, or all a rate, whose requests come at random; else as :meth:`offer`.
        """
        self.touch(self._most_popular_last(copies))
        return self.offer(
            folder,
            [own[0].kind.under_load(tuple(copy.target for copy in own)) for own in copies],
            popularity=Zipf(kind="zipf", s=s),
            arrivals=ClosedLoop() if stages[0].rate is None else Poisson(kind="poisson"),
            stages=stages,
            on_live=on_live,
        )

    def offer(
        self,
        folder: Path,
        kinds: Sequence[AskedKind],
        popularity: Popularity,
        arrivals: Arrivals,
        stages: tuple[Stage, ...],
        on_live: Callable[[Live], None],
    ) -> RunFiles:
        """Offer a load of its own, unless an earlier start did so; its samples and its record are in ``folder``.

        Time-out, headers and client processes are those of the run's load.

        Args:
            folder: see above.
            kinds: what is asked for, with the targets of each.
            popularity: of the targets of each kind.
            arrivals, stages: when, and for how long.
            on_live: told about once a second what it is like.

        Raises:
            MmebenchError: the load broke.
        """
        asked = tuple(kind.model_copy(update={"popularity": popularity}) for kind in kinds)
        files = replace(self.files, directory=folder, targets=sum(len(kind.targets) for kind in asked))
        workload = self.job.workload.model_copy(
            update={"popularity": popularity, "arrivals": arrivals, "profile": Profile(stages=stages)}
        )
        job = self.job.model_copy(update={"kinds": asked, "workload": workload, "samples": files.stream})
        shares = {kind.name: kind.requests for kind in asked}
        run = self.run.model_copy(
            update={
                "digest": digest({"run": self.run.digest, "load": workload.model_dump(mode="json"), **shares}),
                "targets": files.targets,
                "kinds": tuple(_asked_for(kind, asked) for kind in self.run.kinds),
                "started_at": now(),
                "spec": self.run.spec | {"workload": workload.model_dump(mode="json")},
            }
        )
        earlier = find_run(files)
        if earlier is None or not earlier.complete or earlier.digest != run.digest:

            def tell(live: Live) -> None:
                self.watch(live)
                on_live(live)

            complete(measure_watching(self.endpoint, run, job, files, self.so_far, tell), files)
        return files


def _asked_for(kind: ModelKind, asked: Sequence[AskedKind]) -> ModelKind:
    """The kind as a load of an experiment asks for it; for nothing where it leaves it out."""
    own = next((each for each in asked if each.name == kind.name), None)
    targets, requests = ((), 0.0) if own is None else (own.targets, own.requests)
    return kind.model_copy(update={"targets": targets, "requests": requests})
