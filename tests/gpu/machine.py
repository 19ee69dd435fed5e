"""A machine with GPUs, for programs that find the stand-in for NVIDIA's libraries (``stand_in/gpus.h``)."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import psutil

from gpu.libraries import CUDA_RUNTIME

GIB = 2**30
Processes = Literal["measured", "unmeasured", "elsewhere", "unnamed"] | None
"""What the driver tells of those of a device; None: it does not know the question.

``unmeasured``: what each takes is not told. In a container with process ids of its own they have those of the host
(``elsewhere``), or none is listed (``unnamed``).
"""


@dataclass(frozen=True)
class Slice:
    """A part of a GPU (MIG) with memory of its own."""

    name: str = "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    total: int = 10 * GIB
    """Bytes."""
    gpu_instance: int = 7
    compute_instance: int = 0
    processes: Processes = "measured"
    uuid: str = field(default_factory=lambda: f"MIG-{uuid4()}")


@dataclass(frozen=True)
class Device:
    """A GPU. Figures are those of an idle H200; one that is None is one that this GPU cannot tell."""

    name: str = "NVIDIA H200"
    total: int = 150_754_820_096
    """Bytes, those that the driver keeps for itself included."""
    reserved: int = 644_939_776
    uuid: str = field(default_factory=lambda: f"GPU-{uuid4()}")
    processes: Processes = "measured"
    capability: int = 90
    """Of computing, times ten."""
    utilization: int | None = 0
    """Percent."""
    memory_utilization: int | None = 0
    power: int | None = 78_219
    """Milliwatts; energy grows by it."""
    power_limit: int | None = 700_000
    energy: int | None = 3_608_463
    """Millijoules, when it was described."""
    sm_clock: int | None = 345
    """Megahertz."""
    max_sm_clock: int | None = 1980
    memory_clock: int | None = 3201
    max_memory_clock: int | None = 3201
    temperature: int | None = 30
    ecc: bool | None = True
    mig: bool | None = False
    slices: tuple[Slice, ...] = ()
    """In the order of their index; only with ``mig``."""


class Machine:
    """Some GPUs, described in a folder of their own; programs see a change with their next call.

    Args:
        folder: where they are described.
        devices: in the order of their index.
        libraries: where :func:`gpu.libraries.build` put the libraries.

    Attributes:
        devices: as they are now; :meth:`change` and :meth:`lose` replace them.
        folder: as given.
    """

    def __init__(self, folder: Path, devices: list[Device], libraries: Path) -> None:
        self.devices = devices
        self.folder = folder
        self._libraries = libraries
        self._described = time.monotonic_ns()
        (folder / "used").mkdir(parents=True)
        self._describe()

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a program that is to find these GPUs."""
        runtime = str(self._libraries / CUDA_RUNTIME)
        return {
            "STANDIN_GPUS": str(self.folder),
            "LD_LIBRARY_PATH": ":".join(filter(None, [str(self._libraries), os.environ.get("LD_LIBRARY_PATH")])),
            "LD_PRELOAD": " ".join(filter(None, [runtime, os.environ.get("LD_PRELOAD")])),
        }

    def change(self, index: int, **figures: Any) -> None:
        """Other figures for one GPU, by the names of :class:`Device`; its energy goes on from where it is."""
        self._add_energy()
        self.devices[index] = replace(self.devices[index], **figures)
        self._describe()

    def lose(self, index: int) -> None:
        """One GPU falls off the bus."""
        self._add_energy()
        del self.devices[index]
        self._describe()

    def take(self, device: Device | Slice, pid: int, used: int) -> None:
        """A process takes so many bytes, instead of those it took before."""
        folder = self.folder / "used" / device.uuid
        folder.mkdir(exist_ok=True)
        _replace(folder / str(pid), str(used))

    def processes(self, device: Device | Slice) -> dict[int, int]:
        """Bytes by living process; those of a GPU's slices are the slices' own."""
        found: dict[int, int] = {}
        for file in (self.folder / "used" / device.uuid).glob("[0-9]*"):
            pid = int(file.name)
            if _lives(pid):
                with suppress(FileNotFoundError):  # it has given back all of it meanwhile
                    found[pid] = int(file.read_text())
        return found

    def used(self, device: Device | Slice) -> int:
        """Bytes that living processes take."""
        return sum(self.processes(device).values())

    def _add_energy(self) -> None:
        now = time.monotonic_ns()
        seconds = (now - self._described) / 1e9
        self._described = now
        self.devices = [
            device
            if device.energy is None
            else replace(device, energy=device.energy + round((device.power or 0) * seconds))
            for device in self.devices
        ]

    def _describe(self) -> None:
        lines = [line for index, device in enumerate(self.devices) for line in self._lines(index, device)]
        _replace(self.folder / "gpus.txt", "".join(f"{line}\n" for line in lines))

    def _lines(self, index: int, device: Device) -> list[str]:
        figures = {name: value for name, value in vars(device).items() if name != "slices"}
        places = {"minor": index, "bus": 0x10 + index, "since": self._described}
        slices = [vars(part) | {"of": device.uuid, "capability": device.capability} for part in device.slices]
        return [_line(figures | places), *map(_line, slices)]


def _line(figures: dict[str, Any]) -> str:
    known = {name: int(value) if isinstance(value, bool) else value for name, value in figures.items()}
    return "\t".join(f"{name}={value}" for name, value in known.items() if value is not None)


def _replace(file: Path, text: str) -> None:
    """Whoever reads ``file`` meanwhile reads the old text or the new one."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    new.write_text(text)
    new.replace(file)


def _lives(pid: int) -> bool:
    """A zombie has given back its memory."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
