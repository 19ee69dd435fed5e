"""Brings targets into the container on first use, and evicts others to make room."""

import asyncio
import hashlib
import logging
import math
import shutil
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from mmebench.endpoints.containers.container import Container, OutOfMemoryError
from mmebench.endpoints.endpoint import TargetLoad
from mmebench.endpoints.local.metrics import EndpointMetrics
from mmebench.endpoints.local.residency import Ledger, Resident
from mmebench.endpoints.local.store import ArchiveStore, Materialised
from mmebench.endpoints.local.target_statistics import TargetStatistics
from mmebench.endpoints.server_metrics import TARGET as SERVER_METRICS
from mmebench.errors import DiskFullError, MmebenchError
from mmebench.units import human_bytes

_log = logging.getLogger(__name__)
_FRESH_SECONDS = 1.0
"""A measurement of all targets is good for so long."""
_REFRESH_SECONDS = 10.0
"""Memory also grows while models run, so it is measured again from time to time."""


class Loader:
    """One load per target at a time, however many requests wait for it."""

    def __init__(
        self,
        ledger: Ledger,
        store: ArchiveStore,
        container: Container,
        metrics: EndpointMetrics,
        concurrency: int,
        *,
        caching: bool = True,
    ) -> None:
        """``concurrency`` targets load at once; without ``caching`` each leaves memory and disk after use."""
        self.ledger = ledger
        self.metrics = metrics
        self.statistics = TargetStatistics(container, ledger)
        self._caching = caching
        self._store = store
        self._container = container
        self._slots = asyncio.Semaphore(concurrency)
        self._changed = asyncio.Event()
        self._loads: dict[str, tuple[Resident, asyncio.Task[None]]] = {}
        self.recent: deque[TargetLoad] = deque(maxlen=1024)
        """How the last loads went."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._estimates: dict[str, int] = {}
        self._measured_at = -math.inf
        self._measuring = asyncio.Lock()
        container.on_death = self._forget_all

    async def acquire(self, target: str) -> Resident:
        """The target in memory, pinned for one request: call :meth:`release` when that is over.

        When the caller is cancelled, the load goes on.

        Raises:
            TargetError, ArchiveError, ConfigError: the archive is not there or cannot be used.
            LoadError: the container refused it. ContainerDownError: it died meanwhile.
        """
        entry = self.ledger.resident.get(target)
        if entry is not None:
            self.ledger.use(entry)
            return entry
        if target not in self._loads:
            await asyncio.to_thread(self._store.find, target)
            entry = self.ledger.resident.get(target)
            if entry is not None:
                self.ledger.use(entry)
                return entry
        entry, task = self._loads.get(target) or self._begin(target, self._load)
        entry.in_flight += 1
        try:
            await asyncio.shield(task)
        except BaseException:
            self.release(entry)
            raise
        return entry

    def release(self, entry: Resident) -> None:
        """The request is over."""
        entry.in_flight -= 1
        if not entry.in_flight:
            self._changed.set()
            if not self._caching:
                self._discard_idle(entry)

    def forget(self, entry: Resident) -> None:
        """The container does not hold the target, though it should; the next acquire loads it."""
        _log.warning("%s: the container does not hold it any more", entry.target)
        self.ledger.forget(entry)
        self.statistics.lost(entry.target)

    def revive(self, entry: Resident) -> None:
        """The target's process died: load it anew, unless that has begun already. Acquire then waits for it."""
        if self.ledger.resident.get(entry.target) is entry:
            _log.warning("%s: its process died; loading it again", entry.target)
            self.ledger.forget(entry)
            self.statistics.lost(entry.target)
            successor, _ = self._begin(entry.target, self._reload)
            successor.digest = entry.digest

    async def relieve(self, entry: Resident) -> bool:
        """The container has no memory to run ``entry``: evict another. False when there is none."""
        victim = self.ledger.least_recently_used(spared=entry.target)
        if victim is not None:
            await self._begin_eviction(victim)
            return True
        if self.ledger.unloading:
            await self._until(lambda: not self.ledger.unloading)
            return True
        return False

    async def measure(self, fresh_seconds: float = _FRESH_SECONDS) -> None:
        """See what the resident targets really use, unless that was done so short a time ago."""
        async with self._measuring:
            now = time.perf_counter()
            if now - self._measured_at >= fresh_seconds:
                self._measured_at = now
                await self._measure(list(self.ledger.resident.values()))

    async def watch_memory(self) -> None:
        """Measure from time to time and evict what went over the budget; runs until it is cancelled."""
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            await self.measure()
            await self._make_room()

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(
        self, target: str, load: Callable[[Resident], Coroutine[Any, Any, None]]
    ) -> tuple[Resident, asyncio.Task[None]]:
        model = model_id(target)
        entry = Resident(target, model, self._container.request_line(model), exempt=target == SERVER_METRICS)
        begun = self._loads[target] = entry, self._spawn(load(entry))
        begun[1].add_done_callback(lambda _: self._loads.pop(target) if self._loads[target] is begun else None)
        return begun

    async def _load(self, entry: Resident) -> None:
        """From the archive to the container."""
        asked = time.perf_counter()
        async with self._slots:
            await self._container.ready.wait()
            await self._until(lambda: entry.target not in self.ledger.unloading)
            made = await self._materialise(entry)
            content = made.content
            entry.digest = content.digest
            size = content.size if self._container.measures_memory else 0
            estimate = self._estimates.get(content.digest, size)
            loading = await self._within_budget(entry, estimate, self._load_or_evict)
        seconds = time.perf_counter() - asked
        self.recent.append(TargetLoad(entry.target, seconds, made.downloading, made.unpacking, loading))

    async def _reload(self, entry: Resident) -> None:
        """Anew, from the files that are still there."""
        async with self._slots:
            estimate = self._estimates.get(entry.digest, 0)
            await self._within_budget(entry, estimate, self._load_anew)

    async def _within_budget(
        self, entry: Resident, estimate: int, load: Callable[[Resident], Coroutine[Any, Any, float]]
    ) -> float:
        """Make room for ``estimate`` bytes, load, and charge what it really took; returns what ``load`` does."""
        self._refuse_over_budget(entry.target, estimate)
        await self._until(lambda: entry.exempt or self.ledger.may_load(estimate))
        entry.memory = estimate
        self.ledger.begin_load(entry)
        started = time.perf_counter()
        try:
            await self._make_room()
            loading = await load(entry)
            await self._measure([entry])
            if not entry.exempt and entry.memory > self.ledger.limit:
                await self._container.unload(entry.model)
                self._refuse_over_budget(entry.target, entry.memory)
        except BaseException:
            self.ledger.abort_load(entry)
            self._remove_files(entry)
            self._changed.set()
            raise
        self.ledger.end_load(entry)
        self._changed.set()
        _log.info(
            "loaded %s in %.3f s: %s, %d resident use %s",
            entry.target,
            time.perf_counter() - started,
            human_bytes(entry.memory),
            len(self.ledger.resident),
            human_bytes(self.ledger.used),
        )
        if self.ledger.used > self.ledger.limit:
            self._spawn(self._make_room())
        if not self._caching:
            self._discard_idle(entry)  # whoever asked for it may have hung up
        return loading

    async def _materialise(self, entry: Resident) -> Materialised:
        """The target's files; while the disk is full of what other targets use, one of those is evicted."""
        directory = self._container.directory(entry.model)
        while True:
            try:
                made = await asyncio.to_thread(self._store.materialise, entry.target, directory)
            except DiskFullError as error:
                _log.warning("%s: %s", entry.target, error)
                if not await self.relieve(entry):
                    raise
            else:
                if made.seconds:
                    self.metrics.downloading.observe(made.seconds)
                return made

    def _remove_files(self, entry: Resident) -> None:
        """Nothing will be made of them. They are few and mostly links, so this need not go to a thread."""
        shutil.rmtree(self._container.directory(entry.model), ignore_errors=True)

    async def _load_anew(self, entry: Resident) -> float:
        started = time.perf_counter()
        await self._container.reload(entry.model, entry.target)
        seconds = time.perf_counter() - started
        self.metrics.loading.observe(seconds)
        return seconds

    async def _load_or_evict(self, entry: Resident) -> float:
        """Load and say how long that took; when the container is full, evict another target and try again."""
        while True:
            started = time.perf_counter()
            try:
                await self._container.load(entry.model, entry.target)
            except OutOfMemoryError as error:
                _log.warning("%s: the container is full (%s)", entry.target, error)
                if not await self.relieve(entry):
                    raise
            else:
                seconds = time.perf_counter() - started
                self.metrics.loading.observe(seconds)
                return seconds

    def _refuse_over_budget(self, target: str, memory: int) -> None:
        if target != SERVER_METRICS and memory > self.ledger.limit:
            raise OutOfMemoryError(
                507,
                f"out of memory: {target} needs {human_bytes(memory)}, and all targets together may use "
                f"{human_bytes(self.ledger.limit)}; give the endpoint more memory",
            )

    async def _make_room(self) -> None:
        """Evict until the budget holds."""
        if self.ledger.used > self.ledger.limit:
            await self.measure()
        while self.ledger.used > self.ledger.limit:
            for victim in self.ledger.victims():
                self._begin_eviction(victim)
            if not self.ledger.unloading:
                return  # only what is being loaded is left, and that has been admitted
            await self._change()
            if self.ledger.used <= self.ledger.limit:
                # Pages that the evicted shared with others are the others' now, so less is free than it seemed.
                await self._measure(list(self.ledger.resident.values()))

    def _begin_eviction(self, entry: Resident) -> asyncio.Task[None]:
        """From now on no new request reaches the target."""
        self.ledger.begin_unload(entry)
        return self._spawn(self._evict(entry))

    async def _evict(self, entry: Resident) -> None:
        """Let the requests in flight end, then unload."""
        await self._until(lambda: entry.in_flight == 0)
        await self._unload(entry)
        self.ledger.evictions += not entry.exempt
        _log.info("evicted %s: %s free", entry.target, human_bytes(entry.memory))

    def _discard_idle(self, entry: Resident) -> None:
        """Without caching: nobody uses this target now, so it goes."""
        if not entry.in_flight and not entry.exempt and self.ledger.resident.get(entry.target) is entry:
            self.ledger.begin_unload(entry)
            self._spawn(self._discard(entry))

    async def _discard(self, entry: Resident) -> None:
        """Unload a target that is not to be kept, and forget its files."""
        await self._unload(entry)
        await asyncio.to_thread(self._store.discard, entry.digest)
        _log.info("unloaded %s after use", entry.target)

    async def _unload(self, entry: Resident) -> None:
        await self.statistics.keep(entry)
        started = time.perf_counter()
        try:
            await self._container.unload(entry.model)
            self.metrics.unloading.observe(time.perf_counter() - started)
        except BaseException:
            self.ledger.abort_unload(entry)
            raise
        else:
            self.ledger.end_unload(entry)
        finally:
            self._changed.set()

    async def _measure(self, entries: Iterable[Resident]) -> None:
        by_model = {entry.model: entry for entry in entries}
        for model, memory in (await self._container.memory(by_model)).items():
            entry = by_model[model]
            entry.memory = memory
            self._estimates[entry.digest] = memory

    def _forget_all(self) -> None:
        self.metrics.container_deaths += 1
        for entry in self.ledger.resident.values():
            self._remove_files(entry)
        self.ledger.clear()
        self.statistics.lost()
        self._changed.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._change()

    async def _change(self) -> None:
        """Until somebody finished something."""
        self._changed.clear()
        await self._changed.wait()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if isinstance(error, MmebenchError):
            _log.warning("%s", error)
        else:
            _log.error("a load or eviction failed", exc_info=error)


def model_id(target: str) -> str:
    """The container's name for a target: names may hold what a path or URL cannot."""
    return hashlib.sha256(target.encode()).hexdigest()[:32]
