"""NVIDIA's management library, asked through pynvml: which GPUs there are, and what is in use of them.

A reading costs well under a millisecond (measured on an H200, driver 580: 0.06 ms for the processes of a GPU).
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mmebench.errors import MmebenchError
from mmebench.gpus.gpu import Gpu, GpuReading

_DEVICE_FILES = "/dev"
"""Where the system has a file for each GPU, ``nvidia0`` and so on."""


class GpuError(MmebenchError):
    """The driver of this machine's GPUs does not answer."""


def find_gpus() -> tuple[Gpu, ...]:
    """What CUDA can run on here; nothing where there is no NVIDIA GPU.

    Raises:
        GpuError: there is a GPU, and its driver does not answer.
    """
    nvml = _library()
    return () if nvml is None else tuple(_gpus(nvml))


def read_gpu(gpu: Gpu) -> GpuReading:
    """How it is at this moment.

    Raises:
        GpuError: it is gone.
    """
    nvml = _found()
    handle = _handle(nvml, gpu)
    memory = _memory(nvml, handle)
    rates = _told(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    power = _told(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    energy = _told(nvml, nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
    return GpuReading(
        used=int(memory.used),
        free=int(memory.free),
        utilization=None if rates is None else float(rates.gpu),
        memory_utilization=None if rates is None else float(rates.memory),
        power=None if power is None else power / 1e3,
        energy=None if energy is None else energy / 1e3,
    )


def process_memory(gpu: Gpu) -> dict[int, int] | None:
    """Bytes of ``gpu`` that each process has taken, by process id; None where the driver does not say.

    It does not under WSL, and not for slices of MIG with some drivers. In a container with process ids of its own
    the ids are those of the host, or nobody is named: what is found there is nobody's here.
    """
    nvml = _found()
    rows = _told(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, _handle(nvml, gpu))
    if rows is None or any(row.usedGpuMemory is None for row in rows):
        return None
    taken: dict[int, int] = {}
    for row in rows:
        # A whole GPU lists the processes of its slices as well.
        taken[row.pid] = taken.get(row.pid, 0) + int(row.usedGpuMemory)
    return taken


def describe_gpus() -> list[dict[str, Any]]:
    """What shapes figures of each GPU: its name, driver, CUDA, clocks in MHz, power limit in W, ECC and MIG."""
    nvml = _library()
    if nvml is None:
        return []
    cuda = _answer(nvml.nvmlSystemGetCudaDriverVersion_v2)
    versions = {
        "driver": _answer(nvml.nvmlSystemGetDriverVersion),
        "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}",
    }
    return [_description(nvml, gpu) | versions for gpu in _gpus(nvml)]


def _description(nvml: Any, gpu: Gpu) -> dict[str, Any]:
    handle = _handle(nvml, gpu)

    def told(ask: Callable[..., Any], *arguments: Any) -> Any:
        return _told(nvml, ask, handle, *arguments)

    limit, ecc = told(nvml.nvmlDeviceGetEnforcedPowerLimit), told(nvml.nvmlDeviceGetEccMode)
    return {
        "name": gpu.name,
        "memory": gpu.total,
        "mig": gpu.slice is not None,
        "ecc": None if ecc is None else bool(ecc[0]),
        "power_limit": None if limit is None else limit / 1e3,
        "sm_clock": told(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
        "most_sm_clock": told(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM),
        "most_memory_clock": told(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_MEM),
    }


@cache
def _library() -> Any:
    """pynvml, ready to be asked; None where there is no GPU. It stays so for the life of this process."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        devices = sorted(Path(_DEVICE_FILES).glob("nvidia[0-9]*"))
        if devices:
            raise GpuError(
                f"{devices[0]} is there, and the NVIDIA driver does not answer: {error}; if it was updated "
                "restart the machine, in a container start it with --gpus all, or serve on the CPU by devices: []"
            ) from None
        return None
    return pynvml


def _found() -> Any:
    nvml = _library()
    if nvml is None:
        raise GpuError("there is no NVIDIA GPU on this machine")
    return nvml


def _gpus(nvml: Any) -> Iterator[Gpu]:
    """Whole GPUs, and in place of one that is split by MIG its slices: CUDA runs on nothing else of it."""
    index = 0
    for number in range(_answer(nvml.nvmlDeviceGetCount)):
        parent = _answer(nvml.nvmlDeviceGetHandleByIndex, number)
        split = _told(nvml, nvml.nvmlDeviceGetMigMode, parent)
        for slice_, handle in _slices(nvml, parent) if split and split[0] else ((None, parent),):
            place = None if slice_ is None else (number, slice_)
            name, total = _answer(nvml.nvmlDeviceGetName, handle), _memory(nvml, handle).total
            yield Gpu(index, _answer(nvml.nvmlDeviceGetUUID, handle), name, int(total), place)
            index += 1


def _slices(nvml: Any, parent: Any) -> Iterator[tuple[int, Any]]:
    for number in range(_answer(nvml.nvmlDeviceGetMaxMigDeviceCount, parent)):
        handle = _told(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, parent, number)
        if handle is not None:
            yield number, handle


def _handle(nvml: Any, gpu: Gpu) -> Any:
    """Looked up each time, which takes microseconds: handles do not outlive a GPU that fell off the bus."""
    return _answer(nvml.nvmlDeviceGetHandleByUUID, gpu.uuid)


def _memory(nvml: Any, handle: Any) -> Any:
    """In the second form, whose ``used`` is without what the driver reserves; slices and old drivers lack it."""
    found = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle, nvml.nvmlMemory_v2)
    return _answer(nvml.nvmlDeviceGetMemoryInfo, handle) if found is None else found


def _told(nvml: Any, ask: Callable[..., Any], *arguments: Any) -> Any:
    """The answer; None for what this device, or this driver, does not tell."""
    try:
        return ask(*arguments)
    except (
        nvml.NVMLError_NotSupported,
        nvml.NVMLError_NotFound,
        nvml.NVMLError_FunctionNotFound,
        nvml.NVMLError_NoPermission,
        nvml.NVMLError_ArgumentVersionMismatch,
        nvml.NVMLError_InvalidArgument,  # a form of the question that the driver does not know
    ):
        return None
    except nvml.NVMLError as error:
        raise _gone(error) from None


def _answer(ask: Callable[..., Any], *arguments: Any) -> Any:
    """What every device tells."""
    import pynvml

    try:
        return ask(*arguments)
    except pynvml.NVMLError as error:
        raise _gone(error) from None


def _gone(error: Exception) -> GpuError:
    return GpuError(f"an NVIDIA GPU that was there does not answer any more: {error}; see the system's log")
