"""A v2 server on this machine as a container: started, watched, restarted, stopped."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from mmebench.endpoints.counters import TargetCounters
from mmebench.errors import MmebenchError
from mmebench.gpus.gpu import Gpu
from mmebench.server.containers import ensemble, v2, v2_request
from mmebench.server.containers.container import (
    CannotRunError,
    ContainerDownError,
    Fault,
    LoadTimeoutError,
    ModelDiedError,
)
from mmebench.server.containers.control import Control, wait_unloaded
from mmebench.server.containers.gpu_memory import GpuMemory
from mmebench.server.containers.model_files import place, unpack_model
from mmebench.server.containers.pools import HOST, Memory
from mmebench.server.containers.process import ServerProcess
from mmebench.server.containers.stuck_load import watched
from mmebench.server_directory import ServerDirectory
from mmebench.wire.http_client import Address

_log = logging.getLogger(__name__)
_START_SECONDS = 60
_STOP_SECONDS = 1
_UNLOAD_SECONDS = 60
_UNLOAD_CHECK_SECONDS = 3
_CRASHES = {-signal.SIGABRT, -signal.SIGBUS, -signal.SIGSEGV}
"""Exit codes of a server that is worth another try: on a busy machine Triton may abort as it unloads a model."""
_RESTART_DELAYS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)


class Recipe(Protocol):
    """How to start one kind of v2 server."""

    def prepare(self, run: ServerDirectory) -> None:
        """Make what the server needs in the run directory; raises CannotRunError when it cannot run here."""

    def command(self, run: ServerDirectory) -> list[str]:
        """The command line; models are in ``run.path / "repository"``.

        It is run in ``run.sockets``, answers inferences over HTTP at the Unix socket ``http`` there, and listens
        on no port: whoever reaches a v2 server can replace its models, and so run code.
        """

    def control(self, run: ServerDirectory) -> Control:
        """How it is told to load and unload, once it is ready."""

    def environment(self) -> dict[str, str]:
        """The environment variables."""

    def label(self, version: str) -> str:
        """What people read, e.g. ``triton 2.51.0``."""

    async def check(self, control: Control, address: Address) -> None:
        """Raise CannotRunError unless the server that has just started computes what it should."""

    isolates: bool
    """Whether each model that is no ensemble has a process of its own, from the beginning of its load on."""

    def processes(self, pid: int) -> dict[str, list[int]]:
        """The processes that each model has for itself, by ids; nothing where it does not isolate them.

        ``pid`` is the server's.
        """

    async def memory(self, address: Address, processes: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """Bytes of the host's memory that each of these models uses; one that is not loaded is left out.

        Args:
            address: of the server.
            processes: of each model that is asked for, as :meth:`processes` gives them; none where it has none.
        """

    def end_load(self, pid: int, model: str) -> None:
        """End a load that does not end by itself, with all that it holds; ``pid`` is the server's."""


class V2Container:
    """A :class:`~mmebench.server.containers.container.Container` made by a :class:`Recipe`."""

    measures_memory = True

    def __init__(
        self, recipe: Recipe, run: ServerDirectory, output: IO[bytes], gpus: Sequence[Gpu] | None = None
    ) -> None:
        """Models run on these GPUs and see no others; None: there are none on this machine."""
        self.label = ""
        self.address: Address = run.socket("http")
        self.ready = asyncio.Event()
        self.on_death: Callable[[], None] = lambda: None
        self.storage = run.path
        self._recipe = recipe
        self._run = run
        self._visible = {} if gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in gpus)}
        self.gpus = gpus or ()
        self._gpu_memory = GpuMemory(self.gpus)
        self._output = output
        self._process: ServerProcess | None = None
        self._control = recipe.control(run)
        self._watcher: asyncio.Task[None] | None = None

    @property
    def by_growth(self) -> bool:
        """Where a model on a GPU has shown it."""
        return self._gpu_memory.by_process is False

    @property
    def loads_alone(self) -> bool:
        """Where there are GPUs, until it has shown that their driver knows what each process takes."""
        return bool(self.gpus) and not self._gpu_memory.by_process

    async def start(self) -> None:
        """Prepare, start, check, and keep it running from then on."""
        with _cannot_run():
            (self._run.path / "repository").mkdir(exist_ok=True)
            await asyncio.to_thread(self._recipe.prepare, self._run)
        try:
            process = await self._start_process()
        except CannotRunError as error:
            if self._process is None or self._process.returncode not in _CRASHES:
                raise
            _log.warning("%s; once more", error)
            self._run.remove_shared_memory()
            process = await self._start_process()
        self._watcher = asyncio.create_task(self._watch(process))

    def directory(self, model: str) -> Path:
        """Where the files of ``model`` must be before it is loaded."""
        return self._run.path / "repository" / model

    def unpack(self, archive: Path, directory: Path, limit: int) -> Path:
        """Unpack a Triton model and fit its configuration to this machine."""
        return unpack_model(archive, directory, limit, gpus=bool(self.gpus))

    def place(self, model: str, gpu: int) -> int | None:
        """Write the GPU into its configurations."""
        found = place(self.directory(model), gpu)
        if found is not None:
            self._gpu_memory.place(model, found)
        return found

    async def load(self, model: str, target: str) -> None:
        """Load ``model`` from its directory, again if its process dies; a load that does not end is ended."""
        await asyncio.to_thread(ensemble.place, self.directory(model))
        try:
            try:
                await self._load(model)
            except ModelDiedError as error:
                _log.warning("%s: its process died while it was loaded; loading it again: %s", target, error)
                await self._load(model)
        except LoadTimeoutError:
            if self._process is not None:
                await asyncio.to_thread(self._recipe.end_load, self._process.pid, model)
            raise

    async def _load(self, model: str) -> None:
        server = self._process
        if server is None or not self._recipe.isolates or ensemble.is_one(self.directory(model)):
            await self._control.load(model)
            return

        def processes() -> Sequence[int]:
            return self._recipe.processes(server.pid).get(model, ())

        await watched(self._control.load(model), processes, lambda: server.stop(_STOP_SECONDS))

    def remove_files(self, model: str) -> None:
        """Remove the files of a model that is not loaded and will not be; they are few and mostly links."""
        self._gpu_memory.forget(model)
        ensemble.remove(self.directory(model))

    async def unload(self, model: str) -> None:
        """Unload ``model``, wait until its memory is free, and remove its directory."""
        await self._control.begin_unload(model)
        waited = 0
        while not await wait_unloaded(self._control, model, _UNLOAD_CHECK_SECONDS):
            # A model whose process was killed stays UNLOADING for minutes; its memory is free all the same.
            if not await self.memory([model]):
                _log.warning("model %s: its process is gone, though the container has not noticed", model)
                break
            waited += _UNLOAD_CHECK_SECONDS
            if waited >= _UNLOAD_SECONDS:
                raise ContainerDownError(f"model {model} is still in memory {waited} s after its unload")
        await asyncio.to_thread(self.remove_files, model)

    async def reload(self, model: str, target: str) -> None:
        """Load anew a model whose process died; Triton takes the load while the unload still goes on."""
        await asyncio.to_thread(self._gpu_memory.place_again, model)
        await self._control.begin_unload(model)
        await self._control.load(model)

    async def memory(self, models: Collection[str], ran: Collection[str] = ()) -> dict[str, Memory]:
        """Bytes that each of these models uses now."""
        if self._process is None:
            return {}
        processes = await asyncio.to_thread(self._recipe.processes, self._process.pid)
        wanted = {model: processes.get(model, ()) for model in models}
        host = await self._recipe.memory(self.address, wanted)
        gpus = await asyncio.to_thread(self._gpu_memory.measure, processes, ran)
        return {model: {HOST: size} | gpus.get(model, {}) for model, size in host.items()}

    def free(self) -> Memory:
        """By the driver."""
        return self._gpu_memory.free()

    async def counters(self) -> dict[str, TargetCounters]:
        """What it counted for each loaded model."""
        return await self._control.counters()

    def flaw(self, headers: Mapping[bytes, bytes], chunks: Sequence[bytes]) -> str | None:
        """Why a request must not be passed on."""
        return v2_request.flaw(headers, chunks)

    def request_line(self, model: str) -> bytes:
        """The first line of an inference request."""
        return v2.request_line(model)

    def request_headers(self, headers: Mapping[bytes, bytes]) -> bytes:
        """The v2 headers for SageMaker's."""
        return v2.request_headers(headers)

    def answer_names(self, model: str, target: str) -> tuple[bytes, bytes]:
        """The field of a v2 answer with either name."""
        return v2.answer_name(model), v2.answer_name(target)

    def answer_headers(self, headers: Mapping[bytes, bytes], longer: int) -> bytes:
        """SageMaker's headers for those of a v2 answer."""
        return v2.answer_headers(headers, longer)

    def true_status(self, status: int, message: str) -> int:
        """The status that an error of the server should have."""
        return v2.true_status(status, message)

    def fault(self, status: int, message: str, chunks: Sequence[bytes]) -> Fault:
        """What an inference's error means."""
        return v2.fault(status, message, chunks)

    async def close(self) -> None:
        """Stop the server and its children, and remove their shared memory."""
        self.ready.clear()
        try:
            if self._watcher is not None:
                self._watcher.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._watcher
        finally:
            if self._process is not None:
                await self._process.stop(_STOP_SECONDS)
                self._process = None
            await self._control.close()
            self._run.remove_shared_memory()

    async def _watch(self, process: ServerProcess) -> None:
        """Restart the server whenever it dies, for as long as this task lives."""
        while True:
            code = await process.wait()
            self.ready.clear()
            _log.error("%s died with exit code %d; every model is gone, restarting", self.label, code)
            self.on_death()
            process = await self._restart()

    async def _restart(self) -> ServerProcess:
        failures = 0
        while True:
            self._run.remove_shared_memory()
            await asyncio.sleep(_RESTART_DELAYS[min(failures, len(_RESTART_DELAYS) - 1)])
            try:
                return await self._start_process()
            except CannotRunError as error:
                failures += 1
                _log.error("restart %d failed: %s", failures, error)

    async def _start_process(self) -> ServerProcess:
        """A server that answers as it should."""
        with _cannot_run():
            self._run.remove_sockets()
            temporary = self._run.path / "temporary"
            temporary.mkdir(exist_ok=True)
            command = self._recipe.command(self._run)
            # What models and their runtimes leave in the temporary directory goes with ours.
            environment = self._recipe.environment() | {"TMPDIR": str(temporary)} | self._visible
            process = await ServerProcess.start(command, environment, self._run.sockets, self._output)
            self._process = process
            try:
                version = await self._wait_ready(process)
                await self._recipe.check(self._control, self.address)
                await asyncio.to_thread(self._gpu_memory.begin)
            except BaseException:
                await process.stop(_STOP_SECONDS)
                raise
        self.label = self._recipe.label(version)
        _log.info("%s is ready (process %d)", self.label, process.pid)
        self.ready.set()
        return process

    async def _wait_ready(self, process: ServerProcess) -> str:
        """The server's version once it answers."""
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if process.returncode is not None:
                raise CannotRunError(
                    f"the server ended with exit code {process.returncode} while it started; the log says why"
                )
            try:
                return await self._control.version()
            except OSError:
                await asyncio.sleep(0.02)
        raise CannotRunError(f"the server was not ready within {_START_SECONDS} s; the log says more")


@contextlib.contextmanager
def _cannot_run() -> Iterator[None]:
    """Whatever goes wrong with a server that starts, as one error; it may die at any moment of its check, too."""
    try:
        yield
    except CannotRunError:
        raise
    except (MmebenchError, OSError, ValueError, LookupError) as error:
        raise CannotRunError(
            f"the server failed while it started ({type(error).__name__}: {error}); the log says more"
        ) from error
