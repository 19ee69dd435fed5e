"""How a v2 server is told to load and unload models, whatever it is told by."""

import asyncio
from typing import Protocol

from mmebench.endpoints.counters import TargetCounters
from mmebench.server.containers.container import LoadError, ModelDiedError, OutOfMemoryError
from mmebench.server.containers.ensemble import owner
from mmebench.wire.out_of_memory import says_out_of_memory

LOAD_SECONDS = 360.0
"""As long as SageMaker lets a load go on."""
ANSWER_SECONDS = 30.0
"""For any other call."""
_POLL_SECONDS = 0.02


class Control(Protocol):
    """The repository calls of a v2 server.

    All but :meth:`version` raise ContainerDownError when it does not answer.
    """

    async def version(self) -> str:
        """The server's, once it is ready; raises ConnectionError while it is not."""

    async def load(self, model: str) -> None:
        """Load ``model``; one that is loaded stays as it is, unless its files have changed.

        Raises:
            LoadError: the server refused; OutOfMemoryError when for lack of memory; ModelDiedError when the
                model's process died.
            LoadTimeoutError: it has not finished after six minutes.
        """

    async def begin_unload(self, model: str) -> None:
        """Ask for the unload of ``model`` and its members; the memory is free later.

        Raises:
            LoadError: the server refused.
        """

    async def loaded(self) -> set[str] | None:
        """The models, members of ensembles too, that are in memory, or on their way in or out.

        None where there is no telling at this moment: Triton has no index while a model's directory goes.
        """

    async def counters(self) -> dict[str, TargetCounters]:
        """What the server counted for each loaded model; empty where it counts nothing."""

    async def close(self) -> None:
        """Hang up."""


async def wait_unloaded(control: Control, model: str, seconds: float) -> bool:
    """Whether ``model``, with its members, is out of memory within so many seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline:
        loaded = await control.loaded()
        if loaded is not None and all(owner(name) != model for name in loaded):
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return False


def load_error(status: int, message: str) -> LoadError:
    """Why a load was refused; the texts are those of Triton 2.51."""
    if status == 507 or says_out_of_memory(message):
        return OutOfMemoryError(507, message)
    if "is not healthy" in message:
        return ModelDiedError(500, message)
    return LoadError(status, message)
