"""What the local endpoint knows of the server that holds the models."""

import asyncio
import enum
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from mmebench.endpoints.counters import TargetCounters
from mmebench.errors import MmebenchError
from mmebench.gpus.gpu import Gpu
from mmebench.server.containers.pools import Memory
from mmebench.wire.http_client import Address


def error_message(body: str) -> str:
    """The message in a container's error answer, ``{"error": …}``, or the body as it is."""
    try:
        return str(json.loads(body)["error"]).strip()
    except (ValueError, KeyError, TypeError):
        return body.strip()


class CannotRunError(MmebenchError):
    """This container does not run on this machine; the message says what is missing and what to do."""


class ContainerDownError(MmebenchError):
    """The container does not answer; it is being restarted."""


class LoadError(MmebenchError):
    """The container refused to load a model."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LoadTimeoutError(LoadError):
    """The container is still loading a model after as long as SageMaker would let it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(504, f"the model was still being loaded after {seconds:g} s, so the load was given up")


class ModelDiedError(LoadError):
    """The model's process died while the model was loaded; another try may do better."""


class OutOfMemoryError(LoadError):
    """The container has no memory for the model; evict another and try again."""


class Fault(enum.Enum):
    """Why an inference failed, as far as the endpoint can do something about it."""

    REQUEST = enum.auto()
    """The request's own: the client is told."""
    MODEL_GONE = enum.auto()
    """The container does not hold the model, though it should."""
    MODEL_DEAD = enum.auto()
    """The model's process died; loading it again heals."""
    OUT_OF_MEMORY = enum.auto()
    """No memory to run it: evict another model."""


class Container(Protocol):
    """A server that loads, runs and unloads models; ``model`` is its name for one, see :func:`model_id`."""

    label: str
    """What it is, e.g. ``triton 2.51.0`` or ``python (fallback)``; known once it is ready."""
    address: Address
    """Where inferences go, over HTTP."""
    ready: asyncio.Event
    """Set while the container answers."""
    on_death: Callable[[], None]
    """Called when the container died and with it every model; it restarts by itself."""
    measures_memory: bool
    """Whether :meth:`memory` knows all that a model takes. Where it does not, only the container can say that it
    is full."""
    gpus: Sequence[Gpu]
    """Those whose memory it accounts for, by the numbers that it gives them."""
    storage: Path
    """A folder of ours in the file system of the models' directories, for what is unpacked."""

    @property
    def by_growth(self) -> bool:
        """Whether memory of GPUs is what it grew by, as their driver does not say what processes take."""

    @property
    def loads_alone(self) -> bool:
        """Whether memory can be told apart only if one model is loaded at a time."""

    async def start(self) -> None:
        """Bring the container up; raises CannotRunError when that is not possible here."""

    def directory(self, model: str) -> Path:
        """Where the files of ``model`` must be before it is loaded."""

    def unpack(self, archive: Path, directory: Path, limit: int) -> Path:
        """Unpack ``archive`` as the new ``directory`` of at most ``limit`` bytes; blocks.

        Returns:
            The folder in it whose files :meth:`directory` must get.

        Raises:
            ArchiveError: it is damaged or hostile. BadInputError: this container cannot load what it holds.
        """

    async def load(self, model: str, target: str) -> None:
        """Load the model of ``target``; raises LoadError, OutOfMemoryError or ContainerDownError."""

    def remove_files(self, model: str) -> None:
        """Remove the files of a model that is not loaded and will not be."""

    async def unload(self, model: str) -> None:
        """Unload and return once the memory is free; raises ContainerDownError."""

    async def reload(self, model: str, target: str) -> None:
        """Load a model anew whose process died; raises as :meth:`load`."""

    def place(self, model: str, gpu: int) -> int | None:
        """Have those instances of ``model`` that want a GPU run on this one; its files are in its directory.

        Blocks.

        Returns:
            The GPU that they run on, another one where its configuration names it; None where none wants a GPU.
        """

    async def memory(self, models: Collection[str], ran: Collection[str] = ()) -> dict[str, Memory]:
        """Bytes that each of these models uses now; those that are not loaded are left out.

        Args:
            models: those that are asked for.
            ran: those that have run since this was asked the last time. Where the driver does not say what a
                process takes, it is theirs what a GPU's memory grew by.
        """

    def free(self) -> Memory:
        """Bytes of each GPU of :attr:`gpus` that nobody takes; blocks for less than a millisecond a GPU."""

    async def counters(self) -> dict[str, TargetCounters]:
        """What it counted for each loaded model since the load; empty where it counts nothing.

        Raises ContainerDownError.
        """

    def flaw(self, headers: Mapping[bytes, bytes], chunks: Sequence[bytes]) -> str | None:
        """Why a request must not reach the container, which it might end; None where nothing speaks against it.

        Args:
            headers: the client's, names in lower case.
            chunks: the whole body.
        """

    def request_line(self, model: str) -> bytes:
        """The first line of an inference request."""

    def request_headers(self, headers: Mapping[bytes, bytes]) -> bytes:
        """The container's headers for a client's (names in lower case), each ended by CRLF."""

    def answer_names(self, model: str, target: str) -> tuple[bytes, bytes]:
        """How the container's answers name ``model``, and how the client's are to; twice nothing: as they are."""

    def answer_headers(self, headers: Mapping[bytes, bytes], longer: int) -> bytes:
        """The client's headers for the container's (names in lower case), each ended by CRLF.

        Args:
            headers: of the container.
            longer: bytes by which the client's name of the model is longer than the container's.
        """

    def true_status(self, status: int, message: str) -> int:
        """The status that an error of the container should have, by the meaning of HTTP."""

    def fault(self, status: int, message: str, chunks: Sequence[bytes]) -> Fault:
        """What the error of an inference means, whose body came in these chunks."""

    async def close(self) -> None:
        """Take it down with everything it started; safe to call twice."""
