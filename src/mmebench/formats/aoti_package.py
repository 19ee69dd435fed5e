"""A package of AOTInductor (``.pt2``): a zip archive with a library, and beside it what that was compiled for."""

import json
import zipfile
from pathlib import Path
from typing import NamedTuple

_MODELS = "/data/aotinductor/"
_MODEL = "model"
"""The one in a package that Triton serves (src/pt2/model_state.cc of its PyTorch backend)."""
_METADATA = "_metadata.json"
_EXPORTED = "/models/"
"""Where torch.export.save has what is not compiled yet."""


class CompiledFor(NamedTuple):
    """The device that a package is machine code for, as PyTorch 2.13 writes it into it."""

    device: str
    """``cpu`` or ``cuda``."""
    machine: str
    """``x86_64``, …; empty where the package does not say."""
    instructions: str
    """What the compiler's CPU can do, ``AVX512 AVX512_VNNI``; empty where the package does not say."""
    compute_capability: str
    """The major and minor version of a GPU's, ``86`` for 8.6; empty for the CPU."""

    def __str__(self) -> str:
        if self.device == "cpu":
            return f"the CPU ({' '.join(part for part in (self.machine, self.instructions) if part) or 'unknown'})"
        return f"{self.device} (compute capability {self.compute_capability or 'unknown'})"


def compiled_for(path: Path) -> CompiledFor:
    """What the package in ``path`` says that it was compiled for; nothing of it is run.

    Raises:
        ValueError: it is no such package; the message says what it is instead, and how to make one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            ours = [name for name in names if f"{_MODELS}{_MODEL}/" in name]
            said = [json.loads(archive.read(name)) for name in ours if name.endswith(_METADATA)]
    except zipfile.BadZipFile:
        raise _no_package(path, "it is no zip archive") from None
    except ValueError as error:
        raise _no_package(path, f"its {_METADATA[1:]} cannot be read ({error})") from None
    if not ours:
        others = sorted({name.partition(_MODELS)[2].partition("/")[0] for name in names if _MODELS in name})
        if others:
            raise _no_package(path, f"it holds {', '.join(others)}; Triton serves the one called {_MODEL}")
        exported = any(_EXPORTED in name for name in names)
        raise _no_package(path, "it holds a program of torch.export.save, not compiled" if exported else "")
    found = next((entry for entry in said if isinstance(entry, dict) and "AOTI_DEVICE_KEY" in entry), None)
    if found is None:
        raise _no_package(path, "it does not say which device it was compiled for")
    keys = ("AOTI_DEVICE_KEY", "AOTI_MACHINE", "AOTI_CPU_ISA", "AOTI_COMPUTE_CAPABILITY")
    return CompiledFor(*(str(found.get(key, "")) for key in keys))


def _no_package(path: Path, reason: str) -> ValueError:
    why = f": {reason}" if reason else ""
    return ValueError(
        f"{path.name} is no package of AOTInductor{why}; write one with torch._inductor.aoti_compile_and_package("
        f"torch.export.export(…), package_path=…) of PyTorch 2.9 or later"
    )
