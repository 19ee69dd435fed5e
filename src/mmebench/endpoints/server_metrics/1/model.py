"""A Triton Python model that reports GPU, CPU and memory use of the machine it runs on.

It stands alone: numpy, and pynvml or psutil where they are installed. ``config.pbtxt`` beside it says what the
outputs mean. Nothing here waits: CPU use is what happened between two calls.
"""

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

GPU_OUTPUTS = (
    "gpu_utilization",
    "gpu_memory_utilization",
    "gpu_total_memory",
    "gpu_free_memory",
    "gpu_used_memory",
    "gpu_power",
    "gpu_energy",
)
PRECISION = {"gpu_energy": np.float64}
"""A machine that has been up for long has used so many joules that a single one needs more than FP32."""
MEBIBYTE = 1024 * 1024
NOT_REPORTED = -1.0
"""What a GPU does not tell (its utilisation while it is split by MIG, for example); JSON knows no NaN."""

GpuRow = Sequence[float]
"""The values of one GPU, in the order of GPU_OUTPUTS."""


class TritonPythonModel:
    """One measurement for each call of execute, however many requests it answers."""

    def initialize(self, arguments: dict[str, str]) -> None:
        """Find out how to ask; take the first CPU sample."""
        self.read_gpus = gpu_reader()
        self.cpu = CpuClock()

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One response a request, in order."""
        rows = self.read_gpus()
        values = {name: [row[column] for row in rows] for column, name in enumerate(GPU_OUTPUTS)}
        values["cpu_utilization"] = [self.cpu.utilization()]
        values["memory_utilization"] = [memory_utilization()]
        return [
            pb_utils.InferenceResponse([tensor(name, value) for name, value in values.items()]) for _ in requests
        ]


def tensor(name: str, numbers: Sequence[float]) -> Any:
    """The output ``name``.

    A stub that was built for numpy 1, as those of Triton up to 24.10 are, makes an empty tensor of an array of
    numpy 2 without a word; by DLPack it is right.
    """
    values: Any = np.array(numbers, dtype=PRECISION.get(name, np.float32))
    if not np.__version__.startswith("2."):
        return pb_utils.Tensor(name, values)
    capsule = values.__dlpack__()
    made = pb_utils.Tensor.from_dlpack(name, capsule)
    # Such a stub leaves a name that numpy does not know for consumed, and numpy would complain of each.
    rename = ctypes.pythonapi.PyCapsule_SetName
    rename.argtypes = [ctypes.py_object, ctypes.c_char_p]
    rename(capsule, b"used_dltensor")
    return made


# --- GPU


def gpu_reader() -> Callable[[], list[GpuRow]]:
    """How to read the GPUs of this machine: NVML, else nvidia-smi, else there are none."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # not installed, or no driver: NVML has an error class for each reason
        return read_nvidia_smi if shutil.which("nvidia-smi") else list
    return lambda: read_nvml(pynvml)


def read_nvml(nvml: Any) -> list[GpuRow]:
    """One row per GPU, from NVML."""
    rows: list[GpuRow] = []
    for number in range(nvml.nvmlDeviceGetCount()):
        device = nvml.nvmlDeviceGetHandleByIndex(number)
        memory = nvml_memory(nvml, device)
        try:
            rates = nvml.nvmlDeviceGetUtilizationRates(device)
            busy = (float(rates.gpu), float(rates.memory))
        except nvml.NVMLError:
            busy = (NOT_REPORTED, NOT_REPORTED)
        sizes = (memory.total / MEBIBYTE, memory.free / MEBIBYTE, memory.used / MEBIBYTE)
        power = [
            thousandths(nvml, ask, device)
            for ask in ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetTotalEnergyConsumption")
        ]
        rows.append((*busy, *sizes, *power))
    return rows


def nvml_memory(nvml: Any, device: Any) -> Any:
    """As nvidia-smi counts it: what the driver keeps for itself is not used. Old bindings and drivers cannot."""
    try:
        return nvml.nvmlDeviceGetMemoryInfo(device, nvml.nvmlMemory_v2)
    except (AttributeError, TypeError, nvml.NVMLError):
        return nvml.nvmlDeviceGetMemoryInfo(device)


def thousandths(nvml: Any, ask: str, device: Any) -> float:
    """Watts of milliwatts, joules of millijoules; NOT_REPORTED where a GPU or an old binding does not tell."""
    try:
        return float(getattr(nvml, ask)(device)) / 1000
    except (AttributeError, nvml.NVMLError):
        return NOT_REPORTED


def read_nvidia_smi() -> list[GpuRow]:
    """One row per GPU, from nvidia-smi; none when it fails, as it does where there is no driver."""
    fields = "utilization.gpu,utilization.memory,memory.total,memory.free,memory.used,power.draw"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=10)
    return parse_nvidia_smi(result.stdout) if result.returncode == 0 else []


def parse_nvidia_smi(text: str) -> list[GpuRow]:
    """The rows in what nvidia-smi printed; memory is in MiB there, and it knows no energy."""
    return [
        [*(number_or_not_reported(cell) for cell in line.split(",")), NOT_REPORTED]
        for line in text.splitlines()
        if line.strip()
    ]


def number_or_not_reported(cell: str) -> float:
    """``42`` is 42.0; ``[N/A]`` is NOT_REPORTED."""
    try:
        return float(cell)
    except ValueError:
        return NOT_REPORTED


# --- CPU and memory


class CpuClock:
    """CPU use between one look and the next, as a share of all cores."""

    def __init__(self) -> None:
        self.last = cpu_seconds()
        self.latest = 0.0

    def utilization(self) -> float:
        """Percent since the last call, at first since the start; the last value when no time has passed."""
        busy, total = cpu_seconds()
        elapsed = total - self.last[1]
        if elapsed > 0:
            self.latest = min(100.0, max(0.0, 100.0 * (busy - self.last[0]) / elapsed))
            self.last = busy, total
        return self.latest


def cpu_seconds() -> tuple[float, float]:
    """Time that all cores together were busy, and time that passed for them; any unit."""
    stat = Path("/proc/stat")
    if stat.exists():
        return parse_proc_stat(stat.read_text())
    import psutil

    times = psutil.cpu_times()
    return sum(times) - times.idle, sum(times)


def parse_proc_stat(text: str) -> tuple[float, float]:
    """From the first line of /proc/stat; guest time is contained in user time already."""
    user, nice, system, idle, waiting, interrupts, soft_interrupts, stolen = map(int, text.split()[1:9])
    busy = user + nice + system + interrupts + soft_interrupts + stolen
    return float(busy), float(busy + idle + waiting)


def memory_utilization() -> float:
    """Percent of the host's memory that programs could not get without swapping."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        return parse_meminfo(meminfo.read_text())
    import psutil

    return float(psutil.virtual_memory().percent)


def parse_meminfo(text: str) -> float:
    """From /proc/meminfo."""
    kibibytes = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()}
    return 100.0 * (1.0 - kibibytes["MemAvailable"] / kibibytes["MemTotal"])
