"""Triton from the nvidia-pytriton wheel, with Python-based backends, on a machine with or without GPUs.

The wheel holds the server and the Python backend only, so ONNX Runtime, PyTorch and OpenVINO run in Triton's
Python stub processes (:mod:`mmebench.server.backends`). Measured with nvidia-pytriton 0.7.0, Triton 2.51.
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

import mmebench
from mmebench.installing import how_to_install
from mmebench.server.backends.inference.options import MODEL_FILES
from mmebench.server.containers.container import CannotRunError, LoadError
from mmebench.server.containers.control import Control
from mmebench.server.containers.ensemble import owner
from mmebench.server.containers.machine import proportional_bytes
from mmebench.server.containers.process import shared_environment
from mmebench.server_directory import ServerDirectory
from mmebench.wire.http_client import Address, call

_PACKAGES = str(Path(mmebench.__file__).parents[1])
_PROBE = "mmebench-probe"
_GRPC_PORT = 8001
"""Triton appends it to the name of the socket."""
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class TritonRecipe:
    """Starts Triton with explicit model control; only we reach it, as whoever can load a model runs code."""

    def __init__(self) -> None:
        package = importlib.util.find_spec("pytriton")
        if sys.platform != "linux" or package is None or package.origin is None:
            raise CannotRunError(
                f"Triton is not installed; {how_to_install('local')} on Linux with glibc 2.35 or later"
            )
        site = Path(package.origin).parents[1]
        self._server = site / "pytriton/tritonserver"
        self._libraries = [str(sysconfig.get_config_var("LIBDIR")), str(site / "nvidia_pytriton.libs")]

    def prepare(self, run: ServerDirectory) -> None:
        """Lay out Triton's backend directory and see that its stub runs with this Python."""
        python = run.path / "backends" / "python"
        stub = self._server / "python_backend_stubs" / _PYTHON / "triton_python_backend_stub"
        if not stub.is_file():
            raise CannotRunError(f"this Triton has no stub for Python {_PYTHON}; it has 3.8 to 3.13")
        # Triton refuses a backend library that is a link out of its directory.
        shutil.copytree(self._server / "backends" / "python", python, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(stub, python)
        for backend in MODEL_FILES:
            directory = run.path / "backends" / backend
            directory.mkdir()
            self._write_model(directory / "model.py", "batched_model:BatchedModel")
        self._check_stub(python / stub.name)
        self._write_probe(run.path / "repository" / _PROBE)

    def command(self, run: ServerDirectory) -> list[str]:
        """The command line of tritonserver."""
        return [
            str(self._server / "bin" / "tritonserver"),
            f"--model-repository={run.path / 'repository'}",
            f"--backend-directory={run.path / 'backends'}",
            "--model-control-mode=explicit",
            # Configurations are complete; completing them would start each stub twice (1.5 s instead of 0.3 s).
            "--disable-auto-complete-config",
            # Its SageMaker front binds 0.0.0.0 and aborts on malformed JSON.
            "--allow-sagemaker=false",
            "--allow-metrics=false",
            "--http-address=unix:http",
            "--grpc-address=unix:grpc",
            f"--grpc-port={_GRPC_PORT}",
            "--strict-readiness=false",
            # Nobody is waiting for an answer any more, and models would not be finalized within a second either.
            "--exit-timeout-secs=0",
            "--log-info=false",
            # For copies between host and GPU, which the backends here do themselves.
            "--pinned-memory-pool-byte-size=0",
            f"--backend-config=python,shm-region-prefix-name={run.shared_memory_prefix}",
        ]

    def control(self, run: ServerDirectory) -> Control:
        """Over gRPC."""
        from mmebench.server.containers.grpc_control import GrpcControl  # its imports take half a second

        return GrpcControl(run.socket(f"grpc:{_GRPC_PORT}"))

    def environment(self) -> dict[str, str]:
        """Ours without secrets, with what the stubs need to find this Python and its packages."""
        inherited = os.environ.get
        return shared_environment() | {
            # It would warn that a Unix socket knows no TCP_NODELAY.
            "GRPC_VERBOSITY": "NONE",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited("PATH", os.defpath)]),
            "LD_LIBRARY_PATH": os.pathsep.join([*self._libraries, inherited("LD_LIBRARY_PATH", "")]).rstrip(":"),
            "PYTHONPATH": os.pathsep.join([_PACKAGES, inherited("PYTHONPATH", "")]).rstrip(os.pathsep),
        }

    def label(self, version: str) -> str:
        """``triton 2.51.0 (python backends)``: NVIDIA's image has backends in C++ instead."""
        return f"triton {version} (python backends)"

    async def check(self, control: Control, address: Address) -> None:
        """Let a model compute a known answer; a stub that does not fit its numpy turns inputs into zeros."""
        values = [1.5, -2.25, 1024.0]
        tensor = {"name": "INPUT", "datatype": "FP32", "shape": [len(values)], "data": values}
        try:
            await control.load(_PROBE)
        except LoadError as error:
            raise CannotRunError(f"Triton cannot load a model that only copies its input: {error}") from error
        answer = await call(
            address, "POST", f"/v2/models/{_PROBE}/infer", json.dumps({"inputs": [tensor]}).encode()
        )
        if answer.status != 200 or json.loads(answer.body)["outputs"][0]["data"] != values:
            raise CannotRunError(
                f"Triton gave a wrong answer to a model that only copies its input: sent {values}, got "
                f"{answer.text}; install the numpy of mmebench's constraints file"
            )
        await control.begin_unload(_PROBE)

    isolates = True

    def processes(self, pid: int) -> dict[str, list[int]]:
        """The stub processes of each model."""
        found: dict[str, list[int]] = {}
        for model, stub in _stubs(pid):
            found.setdefault(model, []).append(stub.pid)
        return found

    async def memory(self, address: Address, processes: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """Bytes of the stub processes."""

        def measure() -> dict[str, int]:
            return {model: sum(map(proportional_bytes, pids)) for model, pids in processes.items() if pids}

        return await asyncio.to_thread(measure)

    def end_load(self, pid: int, model: str) -> None:
        """Kill the stub processes of ``model``: Triton then gives up the load."""
        for name, stub in _stubs(pid):
            if name == model:
                with contextlib.suppress(psutil.NoSuchProcess):
                    stub.kill()

    def _write_model(self, path: Path, where: str) -> None:
        """A Python model that is a class of ours: ``module:class`` of :mod:`mmebench.server.backends`."""
        module, _, name = where.partition(":")
        # A stub ignores PYTHONPATH, by which mmebench, or torch, may be found; and it runs in another directory.
        paths = [os.path.abspath(path) for path in self.environment()["PYTHONPATH"].split(os.pathsep) if path]
        path.write_text(
            f"import sys\n\nsys.path.extend({paths!r})\n"
            f"from mmebench.server.backends.{module} import {name} as TritonPythonModel\n",
            encoding="utf-8",
        )

    def _write_probe(self, directory: Path) -> None:
        (directory / "1").mkdir(parents=True)
        (directory / "config.pbtxt").write_text(_PROBE_CONFIG)
        self._write_model(directory / "1" / "model.py", "probe:Probe")

    def _check_stub(self, stub: Path) -> None:
        """Without libpython a load would hang, not fail, so the stub is run once without arguments."""
        result = subprocess.run([stub], env=self.environment(), capture_output=True, text=True, timeout=30)
        if result.returncode == 127:
            raise CannotRunError(
                f"Triton's Python stub does not run here: {result.stderr.strip()}; "
                f"install libpython{_PYTHON} (Debian: apt-get install libpython{_PYTHON}) and glibc 2.35 or later"
            )


def _stubs(pid: int) -> Iterator[tuple[str, psutil.Process]]:
    """Each stub process with its model, whose file its first argument is; a member is its owner's."""
    try:
        stubs = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return
    for stub in stubs:
        try:
            arguments = stub.cmdline()
        except psutil.Error:
            continue  # it ended meanwhile
        if len(arguments) > 1:
            yield owner(Path(arguments[1]).parent.parent.name), stub


_PROBE_CONFIG = """
backend: "python"
input { name: "INPUT" data_type: TYPE_FP32 dims: -1 }
output { name: "OUTPUT" data_type: TYPE_FP32 dims: -1 }
instance_group { count: 1 kind: KIND_CPU }
"""
