"""The subject of an experiment: a filled endpoint, and all that there is to ask of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mmebench.benchmark.capacity import target_name
from mmebench.benchmark.measurement import complete, digest, measure_watching, now
from mmebench.endpoints.endpoint import Endpoint
from mmebench.load.job import LoadJob
from mmebench.load.payload.payload import Body
from mmebench.load.processes.events import Live
from mmebench.record.layout import RunFiles
from mmebench.record.run import Run, find_run
from mmebench.spec import Arrivals, Popularity, Profile, Stage
from mmebench.wire.runtime import RuntimeClient

Progress = Callable[[str, float], None]
"""Told what is done now, and which share of the experiment is over."""


@dataclass(frozen=True)
class Subject:
    """A filled endpoint, and all that an experiment may ask of it."""

    endpoint: Endpoint
    client: RuntimeClient
    archive: Path
    model: str
    fits: int
    """Targets that are in memory together without an eviction."""
    body: Body
    """One request of the load."""
    job: LoadJob
    """The load of the run that the experiment belongs to."""
    run: Run
    """Its record, and ``files``: its files."""
    files: RunFiles
    so_far: Callable[[], float | None]
    """What the benchmark has cost, in US dollars; None where nothing does."""
    watch: Callable[[Live], None]
    """Told about once a second what a load is like."""

    def targets(self, count: int) -> tuple[str, ...]:
        """The first so many copies, all addressable."""
        names = tuple(target_name(self.model, number) for number in range(count))
        self.endpoint.add_targets(self.archive, names)
        return names

    def touch(self, targets: tuple[str, ...]) -> None:
        """Have these in memory, the last one as the most recently used."""
        for target in targets:
            self.client.invoke(target, *self.body)

    def offer(
        self,
        folder: Path,
        targets: tuple[str, ...],
        popularity: Popularity,
        arrivals: Arrivals,
        stages: tuple[Stage, ...],
        on_live: Callable[[Live], None],
    ) -> RunFiles:
        """Offer a load of its own, unless an earlier start did so; its samples and its record are in ``folder``.

        Payload, time-out, headers and client processes are those of the run's load.

        Raises:
            MmebenchError: the load broke.
        """
        files = replace(self.files, directory=folder, targets=len(targets))
        workload = self.job.workload.model_copy(
            update={"popularity": popularity, "arrivals": arrivals, "profile": Profile(stages=stages)}
        )
        job = self.job.model_copy(update={"targets": targets, "workload": workload, "samples": files.stream})
        asked = self.run.model_copy(
            update={
                "digest": digest({"run": self.run.digest, "load": workload.model_dump(mode="json")}),
                "targets": len(targets),
                "started_at": now(),
                "spec": self.run.spec | {"workload": workload.model_dump(mode="json")},
            }
        )
        earlier = find_run(files)
        if earlier is None or not earlier.complete or earlier.digest != asked.digest:

            def tell(live: Live) -> None:
                self.watch(live)
                on_live(live)

            complete(measure_watching(self.endpoint, asked, job, files, self.so_far, tell), files)
        return files
