"""Brings targets into the container on first use."""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from mmebench.endpoints.endpoint import TargetLoading
from mmebench.endpoints.server_metrics import TARGET as SERVER_METRICS
from mmebench.errors import DiskFullError
from mmebench.server.containers.container import Container, OutOfMemoryError
from mmebench.server.containers.pools import HOST, Memory, gpu_pool, grown, in_words
from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.memory.evictor import Evictor
from mmebench.server.memory.ledger import Ledger
from mmebench.server.memory.resident import Resident
from mmebench.server.memory.scarcity import Scarcity
from mmebench.server.memory.store import ArchiveStore, Materialised

_log = logging.getLogger(__name__)

_Load = Callable[[str, str], Awaitable[None]]
"""What the container does with a model, given the target that it is."""


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
        self.evictor = Evictor(ledger, container, metrics)
        self._caching = caching
        self._store = store
        self._container = container
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._alone = asyncio.Lock()
        self._scarcity = Scarcity(self.evictor)
        self._loads: dict[str, tuple[Resident, asyncio.Task[None]]] = {}
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

    @property
    def at_once(self) -> int:
        """So many targets are loaded at a time."""
        return 1 if self._container.loads_alone else self._concurrency

    def is_loading(self, target: str) -> bool:
        """Whether it is on its way into memory."""
        return target in self._loads

    @property
    def uncharged(self) -> int:
        """Loads that have begun and take no memory yet, as far as the ledger knows."""
        return sum(target not in self.ledger.loading for target in self._loads)

    def release(self, entry: Resident) -> None:
        """The request is over."""
        entry.in_flight -= 1
        if not entry.ran:
            entry.ran = True
            self.evictor.changed()
        if not entry.in_flight:
            self.evictor.changed()
            if not self._caching:
                self._discard_idle(entry)

    def forget(self, entry: Resident) -> None:
        """The container does not hold the target, though it should; the next acquire loads it."""
        _log.warning("%s: the container does not hold it any more", entry.target)
        self.ledger.forget(entry)
        self.evictor.statistics.lost(entry.target)

    def revive(self, entry: Resident) -> None:
        """The target's process died: load it anew, unless that has begun already. Acquire then waits for it."""
        if self.ledger.resident.get(entry.target) is entry:
            _log.warning("%s: its process died; loading it again", entry.target)
            self.ledger.forget(entry)
            self.evictor.statistics.lost(entry.target)
            successor, _ = self._begin(entry.target, self._reload)
            successor.digest, successor.gpu = entry.digest, entry.gpu

    def _begin(
        self, target: str, load: Callable[[Resident], Coroutine[Any, Any, None]]
    ) -> tuple[Resident, asyncio.Task[None]]:
        model = model_id(target)
        entry = Resident(target, model, self._container.request_line(model), exempt=target == SERVER_METRICS)
        entry.named, entry.renamed = self._container.answer_names(model, target)
        begun = self._loads[target] = entry, self.evictor.spawn(load(entry))
        begun[1].add_done_callback(lambda _: self._loads.pop(target) if self._loads[target] is begun else None)
        return begun

    async def _load(self, entry: Resident) -> None:
        """From the archive to the container."""
        asked = time.perf_counter()
        # One that is just being evicted does not keep others from being loaded until it is gone.
        await self.evictor.until(lambda: entry.target not in self.ledger.unloading)
        async with self._slots:
            await self._container.ready.wait()
            made = await self._materialise(entry)
            entry.digest = made.content.digest
            async with self._by_itself():
                size = made.content.size if self._container.measures_memory else 0
                try:
                    await self._place(entry, size)
                    loading = await self._within_budget(entry, size, self._container.load)
                finally:
                    self.ledger.promised.pop(entry.target, None)
        seconds = time.perf_counter() - asked
        self.metrics.recent_loads.append(
            TargetLoading(entry.target, seconds, made.downloading, made.unpacking, loading)
        )

    async def _reload(self, entry: Resident) -> None:
        """Anew, from the files that are still there."""
        async with self._slots, self._by_itself():
            await self._within_budget(entry, 0, self._container.reload)

    @contextlib.asynccontextmanager
    async def _by_itself(self) -> AsyncIterator[None]:
        """No other load or first inference goes on meanwhile, where nobody could tell what each of them takes."""
        if not self._container.loads_alone:
            yield
            return
        evictor = self.evictor
        async with self._alone:
            await evictor.until(lambda: all(each.ran or not each.in_flight for each in evictor.newcomers()))
            await evictor.measure_these(evictor.newcomers())  # what has grown until now is theirs
            yield

    async def _place(self, entry: Resident, size: int) -> None:
        """Say on which GPU the target is going to run, if it is to run on one; its files take ``size`` bytes."""
        entry.gpu = self.ledger.place(lambda gpu: self._estimate_on(gpu, entry, size))
        if entry.gpu is not None:
            self.ledger.promised[entry.target] = self._estimate(entry, size)
            entry.gpu = await asyncio.to_thread(self._container.place, entry.model, entry.gpu)
            self.ledger.promised[entry.target] = self._estimate(entry, size)

    def _estimate(self, entry: Resident, size: int) -> Memory:
        """What the target will take: as another copy of its archive did, else ``size``, that of its files."""
        return self._estimate_on(entry.gpu, entry, size)

    def _estimate_on(self, gpu: int | None, entry: Resident, size: int) -> Memory:
        """The same on a certain GPU, or on none."""
        known = self.evictor.estimates.get(entry.digest)
        if known is not None:
            return known.on(gpu)
        return {HOST: size} if gpu is None else {HOST: size, gpu_pool(gpu): size}

    async def _within_budget(self, entry: Resident, size: int, load: _Load) -> float:
        """Make room for what it may take, load, and charge what it really took.

        Returns:
            The seconds that the container took to load it.
        """
        started = time.perf_counter()
        try:
            entry.memory = await self._admit(entry, size)
            self.ledger.begin_load(entry)
            await self.evictor.make_room()
            loading = await self._scarcity.load(entry, lambda: self._timed(entry, load))
            await self.evictor.measure_these([entry])
            entry.loaded = entry.memory
            entry.memory = grown(entry.memory, self._estimate(entry, 0))  # its first inference is still to come
            if self.ledger.shortage(entry, entry.memory) is not None:
                await self._container.unload(entry.model)
                self._refuse_over_budget(entry, entry.memory)
        except BaseException:
            self.ledger.abort_load(entry)
            self._container.remove_files(entry.model)
            self.evictor.changed()
            raise
        self.ledger.end_load(entry)
        self.evictor.changed()
        _log.info(
            "loaded %s in %.3f s: %s, %d resident use %s",
            entry.target,
            time.perf_counter() - started,
            in_words(entry.memory),
            len(self.ledger.resident),
            in_words(self.ledger.used),
        )
        if self.ledger.over():
            self.evictor.spawn(self.evictor.make_room())
        if not self._caching:
            self._discard_idle(entry)  # whoever asked for it may have hung up
        return loading

    async def _admit(self, entry: Resident, size: int) -> Memory:
        """What the target may take, once all loads together can have that."""
        if entry.exempt:
            return self._estimate(entry, size)
        newcomers = [each for each in self.evictor.newcomers() if each.ran or not each.in_flight]
        if newcomers:
            await self.evictor.measure_these(newcomers)
        estimate = self._estimate(entry, size)
        ledger = self.ledger
        if ledger.exceeded(estimate):
            await self.evictor.see_room()  # others may have left
        await self.evictor.until(lambda: ledger.exceeded(estimate) is not None or ledger.may_load(estimate))
        self._refuse_over_budget(entry, estimate)
        return estimate

    async def _materialise(self, entry: Resident) -> Materialised:
        """The target's files; while the disk is full of what other targets use, one of those is evicted."""
        directory = self._container.directory(entry.model)
        most: int | None = None
        while True:
            try:
                made = await asyncio.to_thread(self._store.materialise, entry.target, directory)
            except DiskFullError as error:
                _log.warning("%s: %s", entry.target, error)
                if most is None:  # as many go as were there: some come back at once, and it may never fit
                    most = len(self.ledger.resident) + len(self.ledger.unloading)
                if not most or not await self.evictor.relieve(entry):
                    raise
                most -= 1
            else:
                if made.seconds:
                    self.metrics.downloading.observe(made.seconds)
                return made

    async def _timed(self, entry: Resident, load: _Load) -> float:
        started = time.perf_counter()
        await load(entry.model, entry.target)
        seconds = time.perf_counter() - started
        self.metrics.loading.observe(seconds)
        return seconds

    def _refuse_over_budget(self, entry: Resident, memory: Memory) -> None:
        shortage = self.ledger.shortage(entry, memory)
        if shortage is not None:
            raise OutOfMemoryError(507, shortage)

    def _discard_idle(self, entry: Resident) -> None:
        """Without caching: nobody uses this target now, so it goes."""
        if not entry.in_flight and not entry.exempt and self.ledger.resident.get(entry.target) is entry:
            self.ledger.begin_unload(entry)
            self.evictor.spawn(self._discard(entry))

    async def _discard(self, entry: Resident) -> None:
        """Unload a target that is not to be kept, and forget its files."""
        await self.evictor.unload(entry)
        await asyncio.to_thread(self._store.discard, entry.digest)
        _log.info("unloaded %s after use", entry.target)

    def _forget_all(self) -> None:
        self.metrics.container_deaths += 1
        for entry in self.ledger.resident.values():
            self._container.remove_files(entry.model)
        self.ledger.clear()
        self.evictor.statistics.lost()
        self.evictor.changed()


def model_id(target: str) -> str:
    """The container's name for a target: names may hold what a path or URL cannot."""
    return hashlib.sha256(target.encode()).hexdigest()[:32]
