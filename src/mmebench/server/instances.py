"""The life of the instances behind a local endpoint: started, replaced, added, taken down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from mmebench.errors import MmebenchError
from mmebench.server.front.instance import Instance
from mmebench.server.front.served import Served
from mmebench.server.target_tracking import TargetTracking
from mmebench.spec.autoscaling import LocalAutoscaling

_log = logging.getLogger(__name__)
_DRAIN_SECONDS = 60.0
"""An instance that gets no more requests is taken down after this time, whatever it has."""
_DRAIN_CHECK_SECONDS = 0.05

Launch = Callable[[int, AsyncExitStack], Awaitable[Instance]]
"""Starts the instance with that number, from 0; the stack takes it down."""


class Instances:
    """Starts instances by their numbers, and takes them down; which of them get requests, ``served`` says."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._stacks: dict[Instance, tuple[int, AsyncExitStack]] = {}
        self._watches: dict[Instance, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changing = asyncio.Lock()

    async def start(self, numbers: Sequence[int]) -> list[Instance]:
        """All of them, or, with the error of one, none."""
        started: list[Instance] = []
        try:
            for number in numbers:
                started.append(await self._start(number))
        except BaseException:
            for instance in started:
                await self._take_down(instance)
            raise
        return started

    async def deploy(self, served: Served) -> None:
        """New ones, with nothing in memory, in the place of all; the old ones answer what they have.

        Where one does not come up, the old ones go on.
        """
        async with self._changing:
            old = list(served.instances)
            try:
                new = await self.start([self._stacks[instance][0] for instance in old])
            except (MmebenchError, OSError) as error:
                _log.error("deployment failed: %s", error)
                served.changed("failed", len(old))
                return
            served.replace(old, new)
            served.changed("deployed", len(new))
            _log.info("deployed: %d new instances, nothing is in memory", len(new))
            for instance in old:
                self._spawn(self._retire(served, instance))

    async def scale(self, served: Served, wanted: int, delay: float) -> None:
        """As many as are wanted: new ones serve once they are up, and not before the delay is over."""
        async with self._changing:
            serving = len(served.instances)
            served.changed("alarm", wanted)
            _log.info("autoscaling: %d instances serve, %d are wanted", serving, wanted)
            if wanted < serving:
                self._remove(served, served.instances[wanted:])
                return
            taken = {self._stacks[instance][0] for instance in served.instances}
            free = [number for number in range(wanted) if number not in taken][: wanted - serving]
            due = asyncio.get_running_loop().time() + delay
            try:
                new = await self.start(free)
            except (MmebenchError, OSError) as error:
                _log.error("autoscaling failed: %s", error)
                served.changed("failed", serving)
                return
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            served.replace([], new)
            served.changed("added", len(served.instances))
            _log.info("autoscaling: %d instances serve", len(served.instances))

    def _remove(self, served: Served, leaving: Sequence[Instance]) -> None:
        served.replace(leaving, [])
        served.changed("removed", len(served.instances))
        for instance in leaving:
            self._spawn(self._retire(served, instance))

    async def follow(self, served: Served, scaling: LocalAutoscaling) -> None:
        """Scale by the requests that come, for as long as this task lives."""
        tracking = TargetTracking(scaling)
        invocations = served.metrics.invocations
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(scaling.period)
            before, invocations = invocations, served.metrics.invocations
            if self._changing.locked():
                continue  # what was decided is on its way
            serving = len(served.instances)
            wanted = tracking.wanted(loop.time(), invocations - before, serving)
            if wanted != serving:
                self._spawn(self.scale(served, wanted, scaling.delay))

    def begin_deployment(self, served: Served) -> None:
        """Deploy in the background."""
        self._spawn(self.deploy(served))

    async def watch(self) -> None:
        """Until one of them fails, as when a GPU falls off the bus; its error is the reason that is given."""
        await self._failed

    async def close(self) -> None:
        """Take all of them down."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for instance in list(self._stacks):
            await self._take_down(instance)

    async def _start(self, number: int) -> Instance:
        async with AsyncExitStack() as stack:
            instance = await self._launch(number, stack)
            self._stacks[instance] = number, stack.pop_all()
        watch = asyncio.create_task(instance.loader.evictor.watch_memory())
        watch.add_done_callback(self._ended)
        self._watches[instance] = watch
        return instance

    async def _retire(self, served: Served, instance: Instance) -> None:
        """Wait until it has answered what it has, and take it down."""
        deadline = asyncio.get_running_loop().time() + _DRAIN_SECONDS
        while instance.in_flight and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_DRAIN_CHECK_SECONDS)
        await served.forget(instance)
        await self._take_down(instance)

    async def _take_down(self, instance: Instance) -> None:
        watch = self._watches.pop(instance)
        watch.cancel()
        await asyncio.wait((watch,))
        _, stack = self._stacks.pop(instance)
        await stack.aclose()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)
