"""Loads into a container that says it has no memory, whatever the budgets say."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from mmebench.server.containers.container import OutOfMemoryError
from mmebench.server.memory.evictor import Evictor
from mmebench.server.memory.resident import Resident

_log = logging.getLogger(__name__)


class Scarcity:
    """Lets one load at a time make way for itself: what it frees nobody else may take."""

    def __init__(self, evictor: Evictor) -> None:
        self._evictor = evictor
        self._turn = asyncio.Lock()

    async def load(self, entry: Resident, attempt: Callable[[], Awaitable[float]]) -> float:
        """What ``attempt`` gives; when the container is full, another target is evicted, and it is made again.

        Raises:
            OutOfMemoryError: it is full although nobody else is in memory or on the way there.
        """
        await self._wait(entry)
        self._turn.release()
        try:
            return await attempt()
        except OutOfMemoryError as error:
            _log.warning("%s: the container is full (%s)", entry.target, error)
        await self._wait(entry)
        try:
            while True:
                freed = await self._evictor.make_way(entry)
                try:
                    seconds = await attempt()
                except OutOfMemoryError as error:
                    if not freed:
                        raise
                    _log.warning("%s: the container is still full (%s)", entry.target, error)
                else:
                    await self._evictor.see_room()  # without those that had to go
                    return seconds
        finally:
            self._turn.release()

    async def _wait(self, entry: Resident) -> None:
        """Take the turn; until then ``entry`` takes no memory, and nobody need wait for it."""
        entry.waits = True
        self._evictor.changed()
        await self._turn.acquire()
        entry.waits = False
