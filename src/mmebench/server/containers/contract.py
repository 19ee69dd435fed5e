"""Any server of SageMaker's multi-model container contract, by its URL; it runs already, and goes on running.

The contract: "Custom containers contract for multi-model endpoints" in the SageMaker developer guide. A model is
loaded by ``POST /models``, unloaded by ``DELETE /models/{name}``, invoked by ``POST /models/{name}/invoke``;
409 says that it is loaded already, 404 that it is not, and 507 that there is no memory. The contract knows neither
how much memory a model takes nor whether the server was restarted, so neither is assumed here.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from mmebench.endpoints.counters import TargetCounters
from mmebench.errors import BadInputError
from mmebench.formats.archive import extract
from mmebench.gpus.gpu import Gpu
from mmebench.server.containers.container import (
    ContainerDownError,
    Fault,
    LoadError,
    OutOfMemoryError,
    error_message,
)
from mmebench.server.containers.gpu_memory import GpuMemory
from mmebench.server.containers.model_directory import ModelDirectory
from mmebench.server.containers.pools import Memory
from mmebench.wire.addresses import is_loopback
from mmebench.wire.http_client import Address, Answer, call, shown

_log = logging.getLogger(__name__)
_START_SECONDS = 10.0
_PING_SECONDS = 2.0
"""SageMaker asks every few seconds, and wants the answer within two."""
_PINGS_MISSED = 3
"""So many pings without a good answer in a row: the server is down."""
_CONTROL_SECONDS = 360.0
"""SageMaker's limit for a load and for an unload."""
_STOP_SECONDS = 10.0
_TARGET = "X-Amzn-SageMaker-Target-Model"
_PASSED_ON = (b"content-type", b"accept", b"x-amzn-sagemaker-custom-attributes", _TARGET.lower().encode())
_PASSED_BACK = (b"content-type", b"x-amzn-sagemaker-custom-attributes")


class ContractContainer:
    """A :class:`~mmebench.server.containers.container.Container` that somebody else has started."""

    measures_memory = False

    def __init__(self, url: str, models: Path, gpus: Sequence[Gpu] = ()) -> None:
        """The server at ``url``, which finds unpacked models below ``models`` under the same path as we do.

        Where it runs on this machine, with the one GPU of ``gpus``, a model takes what that GPU's memory grew by.
        """
        address = urlsplit(url)
        self.label = f"mme container at {address.netloc}"
        self.address: Address = (address.hostname or "", address.port or 80)
        self.ready = asyncio.Event()
        self.on_death: Callable[[], None] = lambda: None
        self.gpus = gpus if len(gpus) == 1 and is_loopback(address.hostname or "") else ()
        self._gpu_memory = GpuMemory(self.gpus)
        self._models = ModelDirectory(models)
        self.storage = self._models.path
        self._targets: dict[str, str] = {}
        """What it may hold of ours: target by model."""
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """See that it answers, let it forget what it holds, and watch it from then on.

        Raises:
            BadInputError: it does not answer.
        """
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while (problem := await self._ping()) is not None:
            if asyncio.get_running_loop().time() > deadline:
                raise BadInputError(
                    f"http://{shown(self.address)}/ping: {problem}; start the container first, and give its URL"
                )
            await asyncio.sleep(0.2)
        await self._unload_all()
        await asyncio.to_thread(self._gpu_memory.begin)
        self.ready.set()
        self._watcher = asyncio.create_task(self._watch())

    def directory(self, model: str) -> Path:
        """Where the files of ``model`` must be before it is loaded: as on SageMaker, ``<model>/model``."""
        return self._models.path / model / "model"

    def unpack(self, archive: Path, directory: Path, limit: int) -> Path:
        """Unpack whatever the archive holds."""
        extract(archive, directory, limit)
        return directory

    async def load(self, model: str, target: str) -> None:
        """Load ``model`` from its directory; one that is there already goes first, as its files may differ."""
        self._targets[model] = target
        answer = await self._load(model)
        if answer.status == 409:
            await self._delete(model)
            answer = await self._load(model)
        if answer.status == 507:
            raise OutOfMemoryError(507, error_message(answer.text))
        if answer.status != 200:
            raise LoadError(answer.status, error_message(answer.text))

    def remove_files(self, model: str) -> None:
        """Remove the files of a model that is not loaded and will not be."""
        self._gpu_memory.forget(model)
        self._models.remove(model)

    async def unload(self, model: str) -> None:
        """Unload ``model``, whose memory is free when the server has answered, and remove its files."""
        answer = await self._delete(model)
        if answer.status not in (200, 404):
            raise ContainerDownError(
                f"model {model} cannot be unloaded: {answer.status} {error_message(answer.text)}"
            )
        self._targets.pop(model, None)
        self._gpu_memory.forget(model)
        await asyncio.to_thread(self._models.remove, model)

    async def reload(self, model: str, target: str) -> None:
        """Load a model anew that is said to be broken."""
        await self.load(model, target)

    @property
    def by_growth(self) -> bool:
        """Where anybody knows: its processes are not ours to know."""
        return bool(self.gpus)

    @property
    def loads_alone(self) -> bool:
        """Where memory is what the GPU's grew by."""
        return bool(self.gpus)

    def place(self, model: str, gpu: int) -> int | None:
        """The container decides; there is one GPU, or nobody knows."""
        if not self.gpus:
            return None
        self._gpu_memory.place(model, gpu)
        return gpu

    async def memory(self, models: Collection[str], ran: Collection[str] = ()) -> dict[str, Memory]:
        """What the GPU's memory grew by; of the host's memory nobody knows."""
        found = await asyncio.to_thread(self._gpu_memory.measure, {}, ran)
        return {model: found[model] for model in models if model in found}

    def free(self) -> Memory:
        """By the driver."""
        return self._gpu_memory.free()

    async def counters(self) -> dict[str, TargetCounters]:
        """The contract knows no counters."""
        return {}

    def flaw(self, headers: Mapping[bytes, bytes], chunks: Sequence[bytes]) -> str | None:
        """The contract says nothing of what is in a request."""
        return None

    def request_line(self, model: str) -> bytes:
        """The first line of an inference request."""
        return b"POST /models/%b/invoke HTTP/1.1\r\n" % model.encode()

    def request_headers(self, headers: Mapping[bytes, bytes]) -> bytes:
        """Those of the client that SageMaker passes on."""
        return b"".join(b"%b: %b\r\n" % (name, headers[name]) for name in _PASSED_ON if name in headers)

    def answer_names(self, model: str, target: str) -> tuple[bytes, bytes]:
        """The contract says nothing of what is in an answer."""
        return b"", b""

    def answer_headers(self, headers: Mapping[bytes, bytes], longer: int) -> bytes:
        """Those of the container that SageMaker passes back."""
        return b"".join(b"%b: %b\r\n" % (name, headers[name]) for name in _PASSED_BACK if name in headers)

    def true_status(self, status: int, message: str) -> int:
        """Its own."""
        return status

    def fault(self, status: int, message: str, chunks: Sequence[bytes]) -> Fault:
        """What an inference's error means."""
        return {404: Fault.MODEL_GONE, 507: Fault.OUT_OF_MEMORY}.get(status, Fault.REQUEST)

    async def close(self) -> None:
        """Unload what was loaded and remove the files; the server stays."""
        self.ready.clear()
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            with contextlib.suppress(TimeoutError, ContainerDownError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await asyncio.gather(*map(self._delete, self._targets), return_exceptions=True)
        self._models.close()

    async def _watch(self) -> None:
        """Ask whether it is well; one that was not may have been restarted, and then holds nothing of ours."""
        missed = 0
        while True:
            await asyncio.sleep(_PING_SECONDS)
            problem = await self._ping()
            missed = 0 if problem is None else missed + 1
            if missed == _PINGS_MISSED:
                _log.error("%s: %s; nothing is loaded until it answers again", self.label, problem)
                self.ready.clear()
                self.on_death()
            if missed == 0 and not self.ready.is_set():
                try:
                    await self._unload_all()
                except ContainerDownError as error:
                    _log.warning("%s: %s", self.label, error)
                    continue
                _log.info("%s answers again", self.label)
                self.ready.set()

    async def _ping(self) -> str | None:
        """What is wrong with it, or None."""
        try:
            answer = await asyncio.wait_for(call(self.address, "GET", "/ping"), _PING_SECONDS)
        except TimeoutError:
            return f"no answer within {_PING_SECONDS:g} s"
        except OSError as error:
            return str(error)
        return None if answer.status == 200 else f"status {answer.status}"

    async def _unload_all(self) -> None:
        """Unload what it says it holds, and what it may hold of ours, so that both sides know the same."""
        held = dict.fromkeys([*self._targets, *await self._listed()])
        for model in held:
            _log.warning("%s holds %s from before; unloading it", self.label, self._targets.get(model, model))
            await self._delete(model)
        self._targets.clear()

    async def _listed(self) -> list[str]:
        """The models that ``GET /models`` names; not every server names all, or answers at all."""
        names: list[str] = []
        page = ""
        for _ in range(1000):
            answer = await self._call("GET", f"/models{page}")
            try:
                listing = json.loads(answer.body)
                names += [entry["modelName"] for entry in listing["models"] if "modelName" in entry]
                token = listing.get("nextPageToken")
            except (ValueError, KeyError, TypeError, AttributeError):
                break
            if not token:
                break
            page = f"?next_page_token={quote(str(token), safe='')}"
        return names

    async def _load(self, model: str) -> Answer:
        body = {"model_name": model, "url": str(self.directory(model))}
        return await self._call("POST", "/models", model, json.dumps(body).encode())

    async def _delete(self, model: str) -> Answer:
        return await self._call("DELETE", f"/models/{quote(model, safe='')}", model)

    async def _call(self, method: str, path: str, model: str = "", body: bytes = b"") -> Answer:
        headers = {"Content-Type": "application/json"} if body else {}
        if model in self._targets:
            headers[_TARGET] = self._targets[model]
        try:
            return await asyncio.wait_for(call(self.address, method, path, body, headers), _CONTROL_SECONDS)
        except TimeoutError as error:
            raise ContainerDownError(f"no answer to {method} {path} within {_CONTROL_SECONDS:g} s") from error
        except OSError as error:
            raise ContainerDownError(f"the container does not answer: {error}") from error
