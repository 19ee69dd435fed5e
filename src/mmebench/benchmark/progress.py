"""What a person sees while a benchmark runs."""

import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from typing_extensions import override

from mmebench.benchmark.display import Display
from mmebench.benchmark.observer import Observer
from mmebench.benchmark.time_left import TimeLeft
from mmebench.benchmark.web.picture import LivePicture
from mmebench.endpoints.endpoint import Endpoint
from mmebench.load.job import LoadJob
from mmebench.load.processes.events import Gathering, Live
from mmebench.models.package import Package
from mmebench.record.run import Capacity, FirstInvocation, Run
from mmebench.spec import Experiment, Stage
from mmebench.units import counted, human_bytes, human_number, human_seconds

_SILENCE_SECONDS = 15.0
"""So long a log is silent at most while a step goes on."""


_FEW = 5
"""Models of a fleet of which a line tells."""


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
    """An observer that shows the whole and the step under way, each with a bar, in a terminal of any width.

    A step that is over stays as a line. Without a terminal, as in a log, each line has the time, a step has one
    when it begins, and whatever takes long says every quarter of a minute how far it is.
    """

    def __init__(
        self, console: Console, clock: Callable[[], float] = monotonic, picture: LivePicture | None = None
    ) -> None:
        """In a terminal, and on a page where there is one."""
        self._console = console
        self._clock = clock
        self._stages: tuple[Stage, ...] = ()
        self._there: dict[str, int] = {}
        self._display = Display(console)
        self._picture = LivePicture() if picture is None else picture
        self._shown: tuple[Display | LivePicture, ...] = (self._display, self._picture)
        self._time_left: TimeLeft | None = None
        self._part = "load"
        self._whole = ""
        """Which trial of a tuning it is."""
        self._step_name = ""
        self._said_at = -math.inf
        self._packaged: set[Path] = set()
        self._so_far: Callable[[], float | None] = lambda: None

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.stop()

    def _step(self, description: str, total: float | None) -> None:
        self._step_name = description
        for shown in self._shown:
            shown.step(f"{self._part}: {description}", total)
        if not self._display.is_live:
            self._say(description)

    def _show(self, now: str, completed: float | None = None, where: str = "") -> None:
        """What a step does now, and how far it is; ``where`` is that in a few words."""
        usd = self._so_far()
        cost = "" if usd is None else f"; ${usd:.2f} so far"
        for shown in self._shown:
            shown.show(now + cost, completed, where)
        self._show_whole()
        at = self._clock()
        if not self._display.is_live and at - self._said_at >= _SILENCE_SECONDS:
            left = "" if self._time_left is None else f"; {self._time_left.describe(at)}"
            self._say(f"{self._step_name}: {where}{', ' * bool(where)}{now}{cost}{left}")

    def _show_whole(self) -> None:
        if self._time_left is not None:
            time_left, at = self._time_left, self._clock()
            run = self._whole or f"run {min(time_left.over + 1, time_left.parts)} of {time_left.parts}"
            for shown in self._shown:
                shown.show_whole(run, time_left.share(at), time_left.describe(at))

    def _say(self, text: str) -> None:
        self._print(f"{self._part}: {text}")

    def _print(self, text: str) -> None:
        self._said_at = self._clock()
        self._picture.say(f"{datetime.now():%H:%M:%S} {text}")
        stamp = "" if self._display.is_live else f"{datetime.now():%H:%M:%S} "
        self._console.print(stamp + text, highlight=False, markup=False, soft_wrap=True)

    def watch_at(self, url: str) -> None:
        """Say where the live page is."""
        self._print(f"watch it: {url}")

    @override
    def planned(self, parts: int, load_seconds: float | None) -> None:
        self._time_left = TimeLeft(parts, load_seconds, self._clock())
        self._show_whole()

    @override
    def trying(self, which: str, changes: str) -> None:
        self._whole = which
        self._part = which
        self._say(changes)

    @override
    def tried(self, what: str) -> None:
        self._part = self._whole
        self._say(what)

    @override
    def packaging(self, what: str, message: str) -> None:
        if self._part != what:
            self._part = what
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
        if self._time_left is not None:
            self._time_left.kept(self._clock())
        self._say(f"measured already on {run.finished_at}, {counted(run.targets, 'target')}; nothing to do")

    @override
    def unread(self, reason: str) -> None:
        self._say(reason)

    @override
    def recovered(self, what: str) -> None:
        self._say(what)

    @override
    def coming_up(self, what: str, message: str) -> None:
        self._picture.coming_up(what, message)
        if self._display.coming_up(what, message) and not self._display.is_live:
            self._print(f"{what}: endpoint: {message}")

    @override
    def came_up(self, what: str) -> None:
        for shown in self._shown:
            shown.came_up(what)

    @override
    def serving(self, what: str, endpoint: Endpoint, so_far: Callable[[], float | None]) -> None:
        self._part = what
        self._so_far = so_far
        self._say(f"endpoint {endpoint.url}, {endpoint.container}, {endpoint.instance_type}")
        self._step("fill", None)

    @override
    def loaded(self, load: FirstInvocation, memory_budget: int | None) -> None:
        if memory_budget:
            for shown in self._shown:
                shown.expect(memory_budget)
        of = f" of {human_bytes(memory_budget)}" if memory_budget else ""
        used = "" if load.memory_used is None else f"; {human_bytes(load.memory_used)}{of} in use"
        self._show(f"{load.target} loaded in {human_seconds(load.seconds)}{used}", load.memory_used)

    @override
    def filled(self, capacity: Capacity) -> None:
        seconds = sorted(load.seconds for load in capacity.cold_starts)
        copy = "" if capacity.kinds else _describe_copy(capacity.bytes_per_copy, capacity.bytes_per_copy_bounds)
        for kind in capacity.kinds[:_FEW]:
            each = _describe_copy(kind.bytes_per_copy, kind.bytes_per_copy_bounds)
            copy += each and f"{each} of {kind.name}"
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
            self._print(
                f"waiting for {workers.count} client processes: on other hosts, mmebench worker {workers.listen}"
            )
        self._step(
            f"load {counted(len(job.targets), 'target')}", sum(stage.duration for stage in self._stages) or None
        )

    @override
    def gathering(self, gathering: Gathering) -> None:
        self._show(gathering.there, 0)
        if gathering.hosts != self._there:
            self._there = gathering.hosts
            self._print(gathering.there)

    @override
    def live(self, live: Live) -> None:
        self._picture.second(live)
        latency = _latency(live)
        resident = f"; {counted(live.resident, 'target')} in memory" if live.resident is not None else ""
        failures = f", {live.failures} failed" if live.failures else ""
        now = f"{counted(live.users, 'user')}: {live.successes_per_second} requests/s{latency}{failures}{resident}"
        if 0 <= live.stage < len(self._stages):
            done = sum(stage.duration for stage in self._stages[: live.stage])
            done += min(live.elapsed, self._stages[live.stage].duration)
            if self._time_left is not None:
                self._time_left.load_is_at(done)
            self._show(now, done, f"stage {live.stage + 1} of {len(self._stages)}")
        else:  # a search chooses its stages as it goes
            self._show(now, where=f"stage {live.stage + 1}")

    @override
    def experimenting(self, experiment: Experiment) -> None:
        self._step(experiment.kind.replace("_", " "), 1.0)
        if self._time_left is not None:
            self._time_left.experiment_begins(self._clock())

    @override
    def experiment_live(self, live: Live) -> None:
        self._picture.second(live)

    @override
    def experimented(self, what: str, share: float) -> None:
        if self._time_left is not None:
            self._time_left.experiment_is_at(share, self._clock())
        self._show(what, share, f"{share:.0%}")

    @override
    def again(self, what: str) -> None:
        self._part = what
        self._say("on the same endpoint")

    @override
    def measured(self, what: str, run: Run) -> None:
        self._part = what
        if self._time_left is not None:
            self._time_left.measured(self._clock())
        cold = f"; {run.evictions_during_load} evictions during the load" if run.evictions_during_load else ""
        # Not "1 stage": scripts wait for these words.
        self._say(f"measured {len(run.stages)} stages on {counted(run.targets, 'target')}{cold}")


def _describe_copy(size: float | None, bounds: tuple[float, float] | None) -> str:
    """``; 198 MiB a copy (195 MiB to 201 MiB)``."""
    if not size:
        return ""
    within = "" if bounds is None else f" ({human_bytes(bounds[0])} to {human_bytes(bounds[1])})"
    return f"; {human_bytes(size)} a copy{within}"


def _latency(live: Live) -> str:
    if live.p50 is None or live.p99 is None:
        return ""
    return f", p50 {human_number(live.p50)} ms, p99 {human_number(live.p99)} ms"
