"""A load that its server would wait for for ever is noticed: the process of its model is gone."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from mmebench.server.containers.container import ContainerDownError

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_GONE_SECONDS = 5.0
"""So long a model that is being loaded has no process. One begins within milliseconds, on a busy machine within
much less than this; a Triton that has noticed its death begins another or gives up at once."""


async def watched(
    load: Coroutine[Any, Any, None],
    processes: Callable[[], Sequence[int]],
    give_up: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Await ``load``, unless the model's process is gone and the server has not noticed.

    Triton does not where the process is killed in its first milliseconds: the model stays LOADING.

    Args:
        load: returns when the model is there.
        processes: those that the model has now.
        give_up: ends the server, which is the only way out.

    Raises:
        ContainerDownError: it was given up. Whatever ``load`` raises.
    """
    loading = asyncio.ensure_future(load)
    missing = 0.0
    try:
        while not loading.done():
            await asyncio.wait({loading}, timeout=_LOOK_SECONDS)
            there = await asyncio.to_thread(processes)
            missing = 0.0 if loading.done() or there else missing + _LOOK_SECONDS
            if missing >= _GONE_SECONDS:
                _log.error("the process of a model died while it was loaded, and the server has not noticed")
                await give_up()
                raise ContainerDownError("the model's process died while it was loaded; the container restarts")
        await loading
    finally:
        loading.cancel()
