"""Keeps the budget: sees what targets use of the container, and unloads the least recently used."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from mmebench.errors import MmebenchError
from mmebench.server.containers.container import Container
from mmebench.server.containers.pools import gpu_pool, in_words, mean
from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.memory.ledger import Ledger
from mmebench.server.memory.resident import Estimate, Resident
from mmebench.server.memory.target_statistics import TargetStatistics

_log = logging.getLogger(__name__)
_FRESH_SECONDS = 1.0
"""A measurement of all targets is good for so long."""
_REFRESH_SECONDS = 10.0
"""Memory also grows while models run, so it is measured again from time to time."""


class Evictor:
    """Unloads what must go, once the requests in flight to it have ended.

    Attributes:
        estimates: what a copy of each archive takes, by the archive's digest.
        statistics: what the container counted; it forgets that with each unload.
    """

    def __init__(self, ledger: Ledger, container: Container, metrics: EndpointMetrics) -> None:
        self.ledger = ledger
        self.estimates: dict[str, Estimate] = {}
        self.statistics = TargetStatistics(container, ledger)
        self._container = container
        self._metrics = metrics
        self._changed = asyncio.Event()
        self.changed = self._changed.set
        """Say that somebody finished something; those who wait for a condition look again."""
        self._crowded: set[str] = set()
        """Pools of GPUs that have run out of memory: others may take of them, too."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._measured_at = -math.inf
        self._measuring = asyncio.Lock()

    async def make_way(self, entry: Resident) -> bool:
        """The container has no memory to load or run ``entry``, whatever the budgets say: see why, relieve it."""
        await self.measure_these([entry])  # it may have taken more than anybody knew
        if entry.gpu is not None:
            self._crowded.add(gpu_pool(entry.gpu))
            await self.see_room()
        if await self.relieve(entry):
            return True
        ledger = self.ledger
        if not ledger.busy(but=entry):
            return False
        await self.until(lambda: not ledger.busy(but=entry) or ledger.sacrifice(spared=entry) is not None)
        return True

    async def relieve(self, entry: Resident) -> bool:
        """Free something for ``entry``: evict another, or wait for what is on its way out. False without any."""
        ledger = self.ledger
        victim = ledger.sacrifice(spared=entry)
        if victim is not None:
            await self._begin_eviction(victim)
        elif ledger.unloading:
            await self.until(lambda: not ledger.unloading)
        else:
            return False
        return True

    async def see_room(self) -> None:
        """See what others leave of the GPUs that have run out of memory once."""
        if not self._crowded:
            return
        ledger = self.ledger
        entries = [*ledger.resident.values(), *ledger.loading.values(), *ledger.unloading.values()]
        ours = await self._container.memory([entry.model for entry in entries])
        free = await asyncio.to_thread(self._container.free)
        for pool in self._crowded:
            ledger.limit(pool, free[pool] + sum(memory.get(pool, 0) for memory in ours.values()))
        self.changed()

    async def measure(self, fresh_seconds: float = _FRESH_SECONDS) -> None:
        """See what the resident targets really use, unless that was done so short a time ago."""
        async with self._measuring:
            now = time.perf_counter()
            if now - self._measured_at >= fresh_seconds:
                self._measured_at = now
                await self.measure_these(list(self.ledger.resident.values()))
                await self.see_room()

    async def watch_memory(self) -> None:
        """Measure from time to time and evict what went over the budget; runs until it is cancelled."""
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            await self.measure()
            await self.make_room()

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def make_room(self) -> None:
        """Evict until the budget holds."""
        if self.ledger.over():
            await self.measure()
        while self.ledger.over():
            for victim in self.ledger.victims():
                self._begin_eviction(victim)
            if not self.ledger.unloading:
                return  # only what is being loaded is left, and that has been admitted
            await self._change()
            if not self.ledger.over():
                # Pages that the evicted shared with others are the others' now, so less is free than it seemed.
                await self.measure_these(list(self.ledger.resident.values()))

    def _begin_eviction(self, entry: Resident) -> asyncio.Task[None]:
        """From now on no new request reaches the target."""
        self.ledger.begin_unload(entry)
        return self.spawn(self._evict(entry))

    async def _evict(self, entry: Resident) -> None:
        """Let the requests in flight end, then unload."""
        await self.until(lambda: entry.in_flight == 0)
        await self.unload(entry)
        self.ledger.evictions += not entry.exempt
        _log.info("evicted %s: %s free", entry.target, in_words(entry.memory))

    async def unload(self, entry: Resident) -> None:
        """Unload a target that the ledger says is being unloaded, to which no request is on its way."""
        await self.statistics.keep(entry)
        started = time.perf_counter()
        try:
            await self._container.unload(entry.model)
            self._metrics.unloading.observe(time.perf_counter() - started)
        except BaseException:
            self.ledger.abort_unload(entry)
            raise
        else:
            self.ledger.end_unload(entry)
        finally:
            self.changed()

    def newcomers(self) -> list[Resident]:
        """Those that have not been measured since they served their first request."""
        return [entry for entry in self.ledger.resident.values() if not entry.settled]

    async def measure_these(self, entries: Iterable[Resident]) -> None:
        """See what these targets really use, and those that have served their first request meanwhile."""
        ran = [entry for entry in self.ledger.resident.values() if entry.ran or entry.in_flight]
        newcomers = [entry for entry in ran if entry.ran and not entry.settled]
        by_model = {entry.model: entry for entry in (*entries, *newcomers)}
        run = {entry.model: entry.ran for entry in ran}
        for entry in ran:
            entry.ran = False
        for model, memory in (await self._container.memory(by_model, run)).items():
            entry = by_model[model]
            entry.memory = memory
            entry.settled = entry.settled or run.get(model, False)
            self._learn(entry)

    def _learn(self, entry: Resident) -> None:
        """See what another copy of its archive may take.

        Where memory is what a GPU's grew by, what one takes may be ascribed to another that was being loaded: the
        sum over copies is right, and so is their mean, while the largest would be larger each time.
        """
        known = self.estimates.get(entry.digest)
        if known is None or not self._container.by_growth or entry.gpu is None:
            self.estimates[entry.digest] = (known or Estimate({}, None)).learned(entry.memory, entry.gpu)
            return
        copies = [
            copy.memory
            for copy in self.ledger.resident.values()
            if copy.settled and (copy.digest, copy.gpu) == (entry.digest, entry.gpu)
        ]
        if copies:
            self.estimates[entry.digest] = Estimate(mean(copies), entry.gpu)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds."""
        while not condition():
            await self._change()

    async def _change(self) -> None:
        """Until somebody finished something."""
        self._changed.clear()
        await self._changed.wait()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do ``work`` in the background, for as long as the endpoint is up."""
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
