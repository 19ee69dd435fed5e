"""The doctor of this machine: whether models can be served on it, and what to do where they cannot."""

import asyncio
import json
import logging
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mmebench.endpoints.finding import Finding, ask
from mmebench.gpus.gpu import Gpu
from mmebench.gpus.nvml import GpuError, describe_gpus, find_gpus, read_gpu
from mmebench.installing import how_to_install
from mmebench.server.containers.devices import choose
from mmebench.server.containers.triton import TritonRecipe
from mmebench.server.containers.v2_container import V2Container
from mmebench.server_directory import ServerDirectory
from mmebench.units import human_bytes

_DISK = 5 * 1024**3
_SHARED_MEMORY = Path("/dev/shm")
_SHARED_BYTES = 4 * 1024**2
"""That a target's process takes of it, with requests of usual size."""
_TARGETS = 20
_FILES = 4096
_PID_NAMESPACE = "pid:[4026531836]"
"""Of the machine itself, on every Linux; that of a container is another."""


def examine() -> Iterator[Finding]:
    """Each condition in turn. A Triton is started and ended; nothing else is changed."""
    gpus: tuple[Gpu, ...] = ()
    try:
        gpus = find_gpus()
        yield from _gpus(gpus)
    except GpuError as error:
        yield Finding("GPU", False, str(error))
    yield ask("Triton", lambda: _triton(gpus))
    yield ask("numpy", _numpy)
    yield ask("PyTorch", lambda: _runtime("torch", _TORCH, gpus, how_to_install("gpu")))
    yield ask("ONNX Runtime", lambda: _runtime("onnxruntime", _ONNX, gpus, "onnxruntime-gpu in its place"))
    yield ask("disk", _disk)
    yield ask("shared memory", _shared_memory)
    yield ask("port", _port)
    yield ask("open files", _open_files)


def _gpus(gpus: tuple[Gpu, ...]) -> Iterator[Finding]:
    if not gpus:
        yield Finding("GPU", None, "no NVIDIA GPU; targets run on the CPU")
    for gpu, about in zip(gpus, describe_gpus(), strict=True):
        free = human_bytes(read_gpu(gpu).free)
        text = (
            f"{gpu.name}, {free} of {human_bytes(gpu.total)} free, driver {about['driver']}, CUDA {about['cuda']}"
        )
        yield Finding(f"GPU {gpu.index}", True, text)
    if gpus and Path("/proc/self/ns/pid").exists() and os.readlink("/proc/self/ns/pid") != _PID_NAMESPACE:
        text = (
            "process ids here are not those of the machine, so its driver may not say what each target takes: "
            "then memory is what the GPU's grew by; docker run --pid=host tells more"
        )
        yield Finding("memory by process", None, text)


def _triton(gpus: tuple[Gpu, ...]) -> tuple[bool, str]:
    """Started as an endpoint starts it, with the model of a known answer."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    return True, f"{asyncio.run(_label(gpus))} starts and computes, by {python}"


async def _label(gpus: tuple[Gpu, ...]) -> str:
    logging.getLogger("mmebench").addHandler(logging.NullHandler())  # nobody asked how it went
    run = ServerDirectory()
    try:
        with open(os.devnull, "ab") as output:
            container = V2Container(TritonRecipe(), run, output, choose(gpus, None) if gpus else None)
            try:
                await container.start()
            finally:
                await container.close()
            return container.label
    finally:
        run.close()


def _numpy() -> tuple[bool | None, str]:
    found = version("numpy")
    if int(found.split(".")[0]) < 2:
        return True, found
    return None, (
        f"{found}; this Triton is built for numpy 1, so that models with strings (BYTES) do not run in it, and "
        "numbers do; pip install 'numpy<2' for strings"
    )


_TORCH = "print(json.dumps([torch.version.cuda, torch.cuda.device_count()]))"
_ONNX = """
found = onnxruntime.get_available_providers()
print(json.dumps(["CUDA" if "CUDAExecutionProvider" in found else None, 1]))
"""


def _runtime(module: str, look: str, gpus: tuple[Gpu, ...], install: str) -> tuple[bool | None, str]:
    """In a process of its own: it may take a second, and what it says belongs to nobody here."""
    try:
        found = version(module)
    except PackageNotFoundError:
        return None, f"not installed; {install if gpus else how_to_install('models')} brings it"
    command = [sys.executable, "-c", f"import json, {module}\n{look}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if result.returncode or not result.stdout:
        said = (result.stderr.strip().splitlines() or [f"its process ended with {result.returncode}"])[-1]
        return False, f"{found} cannot be imported: {said}"
    cuda, devices = json.loads(result.stdout.splitlines()[-1])
    if not gpus:
        return True, found
    if cuda is None:
        return False, f"{found} has no CUDA, so that its models are refused on the GPU; take that of {install}"
    if not devices:
        return False, f"{found} with CUDA {cuda} sees no GPU; install one whose CUDA this driver has"
    return True, f"{found} with {cuda if cuda == 'CUDA' else f'CUDA {cuda}'}"


def _disk() -> tuple[bool, str]:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    text = f"{human_bytes(free)} free in {folder}, where archives are unpacked"
    return free >= _DISK, text if free >= _DISK else f"{text}; set TMPDIR to where there is more"


def _shared_memory() -> tuple[bool | None, str]:
    if not _SHARED_MEMORY.is_dir():
        return None, f"there is no {_SHARED_MEMORY}"
    free = shutil.disk_usage(_SHARED_MEMORY).free
    text = f"{human_bytes(free)} free, for about {free // _SHARED_BYTES} targets"
    enough = free >= _SHARED_BYTES * _TARGETS
    return enough, text if enough else f"{text}; docker run --shm-size=1g, or mount -o remount,size=1g /dev/shm"


def _port() -> tuple[bool, str]:
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return True, f"127.0.0.1 can be listened to, now on {listener.getsockname()[1]}"
    except OSError as error:
        return False, f"127.0.0.1 cannot be listened to: {error.strerror}"


def _open_files() -> tuple[bool, str]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= _FILES:
        return True, f"{soft}, and up to {'any number' if hard == resource.RLIM_INFINITY else hard} where wanted"
    return False, f"{hard} at most, too few for a load of many connections; raise it with ulimit -Hn {_FILES}"
