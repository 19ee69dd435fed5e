"""The stand-in for NVIDIA's libraries, built from the C files here."""

import subprocess
from pathlib import Path

_SOURCE = Path(__file__).parent
_FLAGS = ("-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread")


def build(folder: Path) -> Path:
    """Compile them into ``folder``, which is returned; it takes a second, and a C compiler called ``cc``."""
    _compile(folder / "libnvidia-ml.so.1", "nvml.c")
    return folder


def _compile(library: Path, source: str) -> None:
    """The name inside is that of the file: a program that asks for it by name gets the one already loaded."""
    sources = [_SOURCE / source, _SOURCE / "gpus.c"]
    subprocess.run(["cc", *_FLAGS, f"-Wl,-soname,{library.name}", "-o", library, *sources], check=True)
