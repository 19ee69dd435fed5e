"""``mmebench serve``: store, container, loader and router put together, until a signal ends it."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import cache, partial
from typing import IO, Any

from mmebench.endpoints.machine_limits import deal
from mmebench.errors import BadInputError
from mmebench.gpus.gpu import Gpu
from mmebench.gpus.nvml import find_gpus
from mmebench.open_files import allow_open_files
from mmebench.server.containers.choice import start_container
from mmebench.server.containers.devices import choose
from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.front.instance import Instance
from mmebench.server.front.origins import Origins
from mmebench.server.front.router import Router
from mmebench.server.front.routing import Dedicated, find_routing
from mmebench.server.instances import Instances
from mmebench.server.memory.archives import ArchiveSource
from mmebench.server.memory.budgets import find_budgets
from mmebench.server.memory.ledger import Ledger
from mmebench.server.memory.loader import Loader
from mmebench.server.memory.store import ArchiveStore
from mmebench.server_directory import ServerDirectory
from mmebench.server_signals import DEPLOY
from mmebench.spec.endpoints import LocalEndpoint
from mmebench.spec.endpoints.local import LOAD_CONCURRENCY
from mmebench.wire.verification import SignatureCheck

_log = logging.getLogger(__name__)
_MOST_FILES = 65_536
"""Connections of clients and to the container, as far as the system allows."""
_OTHER_FILES = 100
"""What the router has open beside its connections, plenty: archives, logs, pipes, libraries."""


def serve(
    endpoint: LocalEndpoint,
    source: ArchiveSource,
    port: int,
    output: IO[bytes],
    announce: Callable[[str], None],
    signatures: SignatureCheck | None = None,
    allowed_hosts: Collection[str] = (),
) -> signal.Signals:
    """Serve until SIGINT, SIGTERM or SIGHUP, and say which it was.

    Args:
        endpoint: its name, and how it holds targets.
        source: where archives come from.
        port: on 127.0.0.1; 0 for any that is free.
        output: where the container writes what it has to say.
        announce: called with the endpoint's URL, once it answers.
        signatures: what checks those of invocations, which else need none.
        allowed_hosts: by whose names it may be asked, beside loopback addresses.

    Raises:
        BadInputError: the port is taken, there is no such GPU, or the container at a URL cannot be used.
        GpuError: there is a GPU, and its driver does not answer, or does not any more.
        CannotRunError: the container does not run here.
    """
    run = asyncio.run
    if sys.platform != "win32":
        import uvloop

        run = uvloop.run
    origins = Origins(allowed_hosts)
    return run(_until_signal(lambda: _run(endpoint, source, port, output, announce, origins, signatures)))


async def _until_signal(work: Callable[[], Coroutine[Any, Any, None]]) -> signal.Signals:
    """Do ``work`` until a signal comes, then cancel it and wait for its clean-up."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[signal.Signals] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _end, ended, number)
    task = asyncio.create_task(work())
    await asyncio.wait((task, ended), return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()
    return ended.result()


def _end(ended: asyncio.Future[signal.Signals], number: signal.Signals) -> None:
    if not ended.done():
        _log.info("%s: shutting down", number.name)
        ended.set_result(number)


async def _run(
    endpoint: LocalEndpoint,
    source: ArchiveSource,
    port: int,
    output: IO[bytes],
    announce: Callable[[str], None],
    origins: Origins,
    signatures: SignatureCheck | None,
) -> None:
    """Everything, from start to cancellation."""
    # Of each there is one to the client and one to the container.
    connections = max(8, (allow_open_files(_MOST_FILES) - _OTHER_FILES) // 2)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_listen(port))
        found = () if endpoint.devices == () else find_gpus()
        dealt = deal(choose(found, endpoint.devices), endpoint.most_instances)
        none_here = not found and endpoint.devices != ()
        metrics = EndpointMetrics()
        budgets = [cache(partial(find_budgets, endpoint, gpus)) for gpus in dealt]

        async def launch(number: int, own: AsyncExitStack) -> Instance:
            gpus = None if none_here else dealt[number]
            return await _launch(endpoint, source, output, gpus, metrics, budgets[number], own)

        instances = Instances(launch)
        stack.push_async_callback(instances.close)
        router = Router(
            endpoint.name,
            await instances.start(range(endpoint.instances)),
            metrics,
            Dedicated() if endpoint.hosting == "single" else find_routing(endpoint.routing, endpoint.busy),
            endpoint.hosting,
            origins,
            connections,
            signatures,
        )
        stack.callback(router.close)
        server = await asyncio.get_running_loop().create_server(router.connection, sock=listener)
        stack.callback(server.close)
        gc.collect()
        gc.freeze()  # what was imported stays; looking through it all the time costs a tenth of the router's CPU
        asyncio.get_running_loop().add_signal_handler(DEPLOY, instances.begin_deployment, router)
        announce(f"http://127.0.0.1:{listener.getsockname()[1]}/endpoints/{endpoint.name}")
        watched = [router.watch(), instances.watch()]
        if endpoint.autoscaling is not None:
            watched.append(instances.follow(router, endpoint.autoscaling))
        await asyncio.gather(*watched)


async def _launch(
    endpoint: LocalEndpoint,
    source: ArchiveSource,
    output: IO[bytes],
    gpus: Sequence[Gpu] | None,
    metrics: EndpointMetrics,
    budgets: Callable[[], dict[str, int]],
    stack: AsyncExitStack,
) -> Instance:
    """One more, up.

    Args:
        endpoint, source, output, metrics: of all.
        gpus: its own; None where this machine has none.
        budgets: its memory. One that takes the place of another has as much, whatever is free at that moment.
        stack: takes it down.
    """
    run = ServerDirectory()
    stack.callback(run.close)
    container = await start_container(endpoint.container, endpoint.model_directory, run, output, gpus)
    stack.push_async_callback(container.close)
    archives = ArchiveStore(source, container.storage / "unpacked", container.unpack, endpoint.disk)
    caching = endpoint.model_cache_setting == "Enabled"
    concurrency = endpoint.load_concurrency or (LOAD_CONCURRENCY if caching else max(2, os.cpu_count() or 1))
    known = budgets() if container.measures_memory else {}
    ledger = Ledger(known, container.gpus, evicts=endpoint.hosting == "multi-model")
    loader = Loader(ledger, archives, container, metrics, concurrency, caching=caching)
    stack.push_async_callback(loader.evictor.close)
    return Instance(container, loader)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=1024)
    except OSError as error:
        raise BadInputError(
            f"port {port}: {os.strerror(error.errno or 0)}; give another with --port, or 0 for any that is free"
        ) from None
