"""What a person sees while a benchmark runs."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from typing_extensions import override

from mmebench.benchmark.observer import Observer
from mmebench.endpoints.endpoint import Endpoint
from mmebench.load.job import LoadJob
from mmebench.load.processes.events import Gathering, Live
from mmebench.models.package import Package
from mmebench.record.run import Capacity, FirstInvocation, Run
from mmebench.spec import Experiment, PlatformSpec, Stage
from mmebench.units import human_bytes, human_number, human_seconds


def describe_package(package: Package) -> str:
    """``resnet18, 11.7 M parameters, archive of 41.5 MiB, within 2.1e-06 of eager PyTorch``."""
    parts = [package.model]
    if package.parameters is not None:
        parts.append(f"{package.parameters / 1e6:.3g} M parameters")
    parts.append(f"archive of {human_bytes(package.archive.stat().st_size)}")
    if package.parity is not None:
        compared = "the file" if package.source == "file" else "eager PyTorch"
        parts.append(f"within {package.parity.max_relative:.1e} of {compared}")
    return ", ".join(parts)


class RunProgress(Observer):
    """An observer that shows one bar, for the step under way.

    A step that is over stays as a line, so that a log of a run without a terminal reads as a story.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stages: tuple[Stage, ...] = ()
        self._there: dict[str, int] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[now]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._part = "load"
        self._packaged: set[Path] = set()
        self._so_far: Callable[[], float | None] = lambda: None
        self._coming_up: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _step(self, description: str, total: float | None) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(f"{self._part}: {description}", total=total, now="")

    def _show(self, now: str, completed: float | None = None) -> None:
        if self._task is not None:
            usd = self._so_far()
            cost = "" if usd is None else f"; ${usd:.2f} so far"
            self._progress.update(self._task, now=now + cost, completed=completed)

    def _say(self, text: str) -> None:
        self._console.print(f"{self._part}: {text}", highlight=False, markup=False, soft_wrap=True)

    @override
    def packaging(self, platform: PlatformSpec, message: str) -> None:
        if self._part != platform.label:
            self._part = platform.label
            self._step("package", None)
        self._show(message)

    @override
    def packaged(self, package: Package) -> None:
        if package.archive not in self._packaged:  # each endpoint has its own copies of the same archive
            self._packaged.add(package.archive)
            self._say(describe_package(package))

    @override
    def warned(self, what: str) -> None:
        self._say(what)

    @override
    def kept(self, run: Run) -> None:
        self._say(f"measured already on {run.finished_at}, {run.targets} targets; nothing to do")

    @override
    def unread(self, reason: str) -> None:
        self._say(reason)

    @override
    def recovered(self, what: str) -> None:
        self._say(what)

    @override
    def coming_up(self, what: str, message: str) -> None:
        with self._lock:
            task = self._coming_up.get(what)
            if task is None:
                task = self._coming_up[what] = self._progress.add_task(f"{what}: endpoint", total=None, now="")
        self._progress.update(task, now=message)

    @override
    def came_up(self, what: str) -> None:
        with self._lock:
            task = self._coming_up.pop(what, None)
        if task is not None:
            self._progress.remove_task(task)

    @override
    def serving(self, what: str, endpoint: Endpoint, so_far: Callable[[], float | None]) -> None:
        self._part = what
        self._so_far = so_far
        self._say(f"endpoint {endpoint.url}, {endpoint.container}, {endpoint.instance_type}")
        self._step("fill", None)

    @override
    def loaded(self, load: FirstInvocation, memory_budget: int | None) -> None:
        if self._task is not None and memory_budget:
            self._progress.update(self._task, total=memory_budget)
        of = f" of {human_bytes(memory_budget)}" if memory_budget else ""
        used = "" if load.memory_used is None else f"; {human_bytes(load.memory_used)}{of} in use"
        self._show(f"{load.target} loaded in {human_seconds(load.seconds)}{used}", load.memory_used)

    @override
    def filled(self, capacity: Capacity) -> None:
        seconds = sorted(load.seconds for load in capacity.loads)
        copy = f"; {human_bytes(capacity.bytes_per_copy)} a copy" if capacity.bytes_per_copy else ""
        if capacity.bytes_per_copy_bounds is not None:
            low, high = capacity.bytes_per_copy_bounds
            copy += f" ({human_bytes(low)} to {human_bytes(high)})"
        if capacity.host_bytes_per_copy is not None:
            kept = (
                "" if capacity.kept_per_copy is None else f", {human_bytes(capacity.kept_per_copy)} of them kept"
            )
            copy += f" of GPU memory{kept}, and {human_bytes(capacity.host_bytes_per_copy)} of the host's"
        if capacity.places:
            copy = f" ({capacity.places}){copy}"
        self._say(
            f"{capacity.found}{copy}; first invocation "
            f"{human_seconds(seconds[len(seconds) // 2])} median, {human_seconds(seconds[-1])} at most"
        )

    @override
    def offering(self, job: LoadJob) -> None:
        self._stages = job.workload.stages
        if (workers := job.workload.workers) is not None:
            self._console.print(
                f"waiting for {workers.count} client processes: on other hosts, mmebench worker {workers.listen}"
            )
        if job.web_port is not None:
            self._console.print(f"watch it: http://127.0.0.1:{job.web_port}/?tab=endpoint", soft_wrap=True)
        self._step(f"load {len(job.targets)} targets", sum(stage.duration for stage in self._stages) or None)

    @override
    def gathering(self, gathering: Gathering) -> None:
        self._show(gathering.there, 0)
        if gathering.hosts != self._there:
            self._there = gathering.hosts
            self._console.print(gathering.there)

    @override
    def live(self, live: Live) -> None:
        latency = _latency(live)
        resident = f"; {live.resident} targets in memory" if live.resident is not None else ""
        failures = f", [red]{live.failures} failed[/red]" if live.failures else ""
        now = f"{live.users} users: {live.successes_per_second} requests/s{latency}{failures}{resident}"
        if 0 <= live.stage < len(self._stages):
            done = sum(stage.duration for stage in self._stages[: live.stage])
            done += min(live.elapsed, self._stages[live.stage].duration)
            self._show(f"stage {live.stage + 1} of {len(self._stages)}, {now}", done)
        else:  # a search chooses its stages as it goes
            self._show(f"stage {live.stage + 1}, {now}")

    @override
    def experimenting(self, experiment: Experiment) -> None:
        self._step(experiment.kind.replace("_", " "), 1.0)

    @override
    def experimented(self, what: str, share: float) -> None:
        self._show(what, share)

    @override
    def measured(self, run: Run) -> None:
        cold = f"; {run.evictions_during_load} evictions during the load" if run.evictions_during_load else ""
        self._say(f"measured {len(run.stages)} stages on {run.targets} targets{cold}")


def _latency(live: Live) -> str:
    if live.p50 is None or live.p99 is None:
        return ""
    return f", p50 {human_number(live.p50)} ms, p99 {human_number(live.p99)} ms"
