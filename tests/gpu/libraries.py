"""The stand-in for NVIDIA's libraries, built from the C files in ``stand_in``."""

import ctypes
import os
import subprocess
from pathlib import Path

NVML = "libnvidia-ml.so.1"
"""Programs load it by this name."""
CUDA_RUNTIME = "libstandin-cudart.so"
"""Its calls come before those of NVIDIA's own where LD_PRELOAD names it."""

_SOURCE = Path(__file__).with_name("stand_in")
_FLAGS = ("-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread")


def build(folder: Path) -> Path:
    """Compile them into ``folder``, which is returned; it takes a second, and a C compiler called ``cc``."""
    _compile(folder / NVML, "nvml.c", "nvml_figures.c", "gpus.c")
    _compile(folder / CUDA_RUNTIME, "cudart.c", "cudart_memory.c", "cuda_devices.c", "gpus.c")
    return folder


def load() -> None:
    """For a process that has started already, for which LD_LIBRARY_PATH comes too late.

    A library that is there is not searched.
    """
    ctypes.CDLL(str(Path(os.environ["LD_LIBRARY_PATH"].partition(":")[0], NVML)))


def _compile(library: Path, *sources: str) -> None:
    """The name inside is that of the file: a program that asks for it by name gets the one already loaded."""
    files = [_SOURCE / source for source in sources]
    subprocess.run(["cc", *_FLAGS, f"-Wl,-soname,{library.name}", "-o", library, *files], check=True)
