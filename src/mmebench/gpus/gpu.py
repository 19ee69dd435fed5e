"""A GPU, and a moment of it: values without a driver."""

import re
from dataclasses import dataclass

_MAKERS = {"NVIDIA", "Tesla", "Quadro", "GeForce", "Graphics", "Device"}
_FORM = re.compile(r"(?i)\d+GB|PCI-?E|SXM\d*|HBM\d\w*|NVL")


@dataclass(frozen=True)
class Gpu:
    """One device that CUDA can run on: a whole GPU, or a slice of one that is split by MIG."""

    index: int
    """Its place among this machine's devices, as NVML counts them; slices of MIG count one by one."""
    uuid: str
    """What ``CUDA_VISIBLE_DEVICES`` takes."""
    name: str
    """As the driver has it: ``NVIDIA H100 80GB HBM3``."""
    total: int
    """Bytes of its memory."""
    slice: tuple[int, int] | None = None
    """Of MIG: the GPU's index, and which of its slices; None for a whole GPU."""


@dataclass(frozen=True)
class GpuReading:
    """A GPU at one moment; None for what it does not tell, as a slice of MIG does not tell its load or power."""

    used: int
    """Bytes that somebody has taken, without what the driver reserves for itself."""
    free: int
    utilization: float | None = None
    """Percent of the last sampling period, up to a second, in which a kernel ran."""
    memory_utilization: float | None = None
    """Percent of it in which memory was read or written."""
    power: float | None = None
    """Watts."""
    energy: float | None = None
    """Joules since the driver was loaded."""


def short_name(name: str) -> str:
    """``H100`` for ``NVIDIA H100 80GB HBM3``: without maker, form and memory; no ``_``, ``*`` or ``/``."""
    words = [word for word in re.split(r"[\s-]+", name) if word not in _MAKERS and not _FORM.fullmatch(word)]
    return re.sub(r"[^A-Za-z0-9.-]", "", "-".join(words)) or "GPU"
