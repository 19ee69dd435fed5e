"""The Python fallback, for machines where Triton does not run; labelled as such wherever it shows."""

import asyncio
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from mmebench.installing import how_to_install
from mmebench.server.backends.inference.options import MODEL_FILES
from mmebench.server.containers.container import CannotRunError
from mmebench.server.containers.control import ANSWER_SECONDS, Control
from mmebench.server.containers.http_control import HttpControl
from mmebench.server.containers.process import shared_environment
from mmebench.server_directory import ServerDirectory
from mmebench.wire.http_client import Address, call

LABEL = "python (fallback)"
_RUNTIMES = {"onnxruntime": "onnxruntime", "pytorch": "torch", "openvino": "openvino", "torch_aoti": "torch"}


class PythonRecipe:
    """Starts :mod:`mmebench.server.containers.python_server`."""

    def prepare(self, run: ServerDirectory) -> None:
        """See that there is anything to run models with."""
        if not any(importlib.util.find_spec(_RUNTIMES[backend]) for backend in MODEL_FILES):
            raise CannotRunError(
                f"neither onnxruntime nor torch nor openvino is installed; {how_to_install('local')}"
            )

    def command(self, run: ServerDirectory) -> list[str]:
        """The command line of the server."""
        module = "mmebench.server.containers.python_server"
        return [sys.executable, "-m", module, str(run.path / "repository"), "http"]

    def control(self, run: ServerDirectory) -> Control:
        """Over HTTP."""
        return HttpControl(run.socket("http"))

    def environment(self) -> dict[str, str]:
        """Ours without secrets."""
        return shared_environment()

    def label(self, version: str) -> str:
        """Says that this is not the real thing."""
        return LABEL

    async def check(self, control: Control, address: Address) -> None:
        """Nothing between numpy and the runtimes can go wrong here."""

    def end_load(self, pid: int, model: str) -> None:
        """End the server: a thread cannot be ended. It is started again, and targets are loaded when asked for."""
        os.kill(pid, signal.SIGKILL)

    isolates = False

    def processes(self, pid: int) -> dict[str, list[int]]:
        """Models share the server's."""
        return {}

    async def memory(self, address: Address, processes: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """Bytes by which the process grew with each model."""
        try:
            answer = await asyncio.wait_for(call(address, "GET", "/memory"), ANSWER_SECONDS)
        except OSError:  # a time-out is one, too
            return {}  # it died; the restart is under way
        grown: dict[str, int] = json.loads(answer.body)
        return {name: grown[name] for name in processes if name in grown}
