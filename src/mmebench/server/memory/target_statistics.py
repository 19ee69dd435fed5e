"""What the container counted for each target, over all loads of the target."""

import asyncio

from mmebench.endpoints.counters import TargetCounters
from mmebench.server.containers.container import Container, ContainerDownError
from mmebench.server.memory.ledger import Ledger
from mmebench.server.memory.resident import Resident

_NONE = TargetCounters()


class TargetStatistics:
    """The container starts from nothing with each load, so what it counted is kept before a target is unloaded."""

    def __init__(self, container: Container, ledger: Ledger) -> None:
        self._container = container
        self._ledger = ledger
        self._ended: dict[str, TargetCounters] = {}
        self._running: dict[str, TargetCounters] = {}
        self._asking = asyncio.Lock()

    async def read(self) -> dict[str, TargetCounters]:
        """By target; asks the container."""
        async with self._asking:
            counted = await self._ask()
            for entry in self._ledger.resident.values():
                if entry.model in counted and not entry.exempt:
                    self._running[entry.target] = counted[entry.model]
        targets = dict.fromkeys([*self._ended, *self._running])
        return {name: self._ended.get(name, _NONE) + self._running.get(name, _NONE) for name in targets}

    async def keep(self, entry: Resident) -> None:
        """The target, to which no request is on its way any more, is about to be unloaded."""
        async with self._asking:
            counted = await self._ask()
            if entry.model in counted and not entry.exempt:
                self._running[entry.target] = counted[entry.model]
            self.lost(entry.target)

    def lost(self, *targets: str) -> None:
        """Targets are not in memory any more, all unless named; what they counted last is what is known."""
        for target in targets or tuple(self._running):
            if target in self._running:
                self._ended[target] = self._ended.get(target, _NONE) + self._running.pop(target)

    async def _ask(self) -> dict[str, TargetCounters]:
        try:
            return await self._container.counters()
        except ContainerDownError:
            return {}
