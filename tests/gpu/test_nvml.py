"""The stand-in for NVML, read by NVIDIA's own Python binding."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pynvml as nvml
import pytest

from gpu.machine import GIB, Device, Machine, Slice
from support.patience import wait_until

MachineWith = Callable[..., Machine]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def session() -> Iterator[Callable[[], None]]:
    """Starts NVML, and ends it after the test."""
    started: list[None] = []

    def start() -> None:
        nvml.nvmlInit()
        started.append(None)

    yield start
    for _ in started:
        nvml.nvmlShutdown()


def test_figures(machine_with: MachineWith, session: Callable[[], None]) -> None:
    device = Device(utilization=37, memory_utilization=12)
    machine_with(Device(name="NVIDIA H100 80GB HBM3"), device)
    session()
    assert (nvml.nvmlSystemGetDriverVersion(), nvml.nvmlSystemGetCudaDriverVersion()) == ("580.159.04", 13000)
    assert nvml.nvmlDeviceGetCount() == 2
    handle = nvml.nvmlDeviceGetHandleByIndex(1)
    assert nvml.nvmlDeviceGetName(handle) == "NVIDIA H200"
    assert nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetHandleByUUID(device.uuid)) == device.uuid
    assert (nvml.nvmlDeviceGetIndex(handle), nvml.nvmlDeviceGetMinorNumber(handle)) == (1, 1)
    assert nvml.nvmlDeviceGetPciInfo(handle).busId == "00000000:11:00.0"
    assert nvml.nvmlDeviceGetCudaComputeCapability(handle) == (9, 0)
    rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    assert (rates.gpu, rates.memory) == (37, 12)
    assert nvml.nvmlDeviceGetPowerUsage(handle) == 78219
    assert nvml.nvmlDeviceGetPowerManagementLimit(handle) == nvml.nvmlDeviceGetEnforcedPowerLimit(handle) == 700000
    assert nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) == 345
    assert nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM) == 1980
    assert nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_MEM) == 3201
    assert nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU) == 30
    assert nvml.nvmlDeviceGetEccMode(handle) == [1, 1]
    assert nvml.nvmlDeviceGetMigMode(handle) == [0, 0]


def test_the_driver_has_reserved_some_memory(
    machine_with: MachineWith, session: Callable[[], None], child: subprocess.Popen[bytes]
) -> None:
    device = Device()
    machine = machine_with(device)
    session()
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle, nvml.nvmlMemory_v2)
    assert (memory.total, memory.reserved, memory.used) == (150_754_820_096, 644_939_776, 0)
    assert memory.free == 150_109_880_320
    machine.take(device, child.pid, GIB)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle, nvml.nvmlMemory_v2)
    assert (memory.used, memory.free) == (GIB, 150_109_880_320 - GIB)
    older = nvml.nvmlDeviceGetMemoryInfo(handle)
    assert (older.used, older.free) == (GIB + 644_939_776, memory.free)


def test_a_process_counts_while_it_lives(
    machine_with: MachineWith, session: Callable[[], None], child: subprocess.Popen[bytes]
) -> None:
    device, other = Device(), Device()
    machine = machine_with(device, other)
    session()
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2)]
    assert nvml.nvmlDeviceGetComputeRunningProcesses(handles[0]) == []
    machine.take(device, child.pid, 5 * GIB)
    (process,) = nvml.nvmlDeviceGetComputeRunningProcesses(handles[0])
    assert (process.pid, process.usedGpuMemory, machine.used(device)) == (child.pid, 5 * GIB, 5 * GIB)
    assert nvml.nvmlDeviceGetComputeRunningProcesses(handles[1]) == []
    child.kill()  # and it stays a zombie, as nobody asks for its exit code
    wait_until(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handles[0]) == [])
    assert nvml.nvmlDeviceGetMemoryInfo(handles[0], nvml.nvmlMemory_v2).used == machine.used(device) == 0


def test_what_a_device_cannot_tell(
    machine_with: MachineWith, session: Callable[[], None], child: subprocess.Popen[bytes]
) -> None:
    device = Device(processes=None, energy=None, mig=None)
    machine = machine_with(device)
    machine.take(device, child.pid, GIB)
    session()
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    for call in (
        nvml.nvmlDeviceGetComputeRunningProcesses,
        nvml.nvmlDeviceGetTotalEnergyConsumption,
        nvml.nvmlDeviceGetMigMode,
    ):
        with pytest.raises(nvml.NVMLError_NotSupported):
            call(handle)
    machine.change(0, processes="unmeasured")
    (process,) = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    assert (process.pid, process.usedGpuMemory) == (child.pid, None)


def test_energy_grows_with_the_power(machine_with: MachineWith, session: Callable[[], None]) -> None:
    machine = machine_with(Device(power=0, energy=1000))
    session()
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    assert nvml.nvmlDeviceGetTotalEnergyConsumption(handle) == 1000
    machine.change(0, power=10**9)
    before, first = time.monotonic(), nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    second, after = nvml.nvmlDeviceGetTotalEnergyConsumption(handle), time.monotonic()
    assert 1000 < first < second <= first + (after - before) * 1e9 + 1
    machine.change(0, power=0)
    last = nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    assert second <= last == nvml.nvmlDeviceGetTotalEnergyConsumption(handle)


def test_slices(machine_with: MachineWith, session: Callable[[], None], child: subprocess.Popen[bytes]) -> None:
    slices = (Slice(), Slice(gpu_instance=8))
    machine = machine_with(Device(mig=True, slices=slices, utilization=None))
    machine.take(slices[1], child.pid, GIB)
    session()
    assert nvml.nvmlDeviceGetCount() == 1
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    assert nvml.nvmlDeviceGetMigMode(handle) == [1, 1]
    assert nvml.nvmlDeviceGetMaxMigDeviceCount(handle) == 7
    part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, 1)
    assert nvml.nvmlDeviceGetUUID(part) == slices[1].uuid
    assert (nvml.nvmlDeviceGetGpuInstanceId(part), nvml.nvmlDeviceGetComputeInstanceId(part)) == (8, 0)
    assert nvml.nvmlDeviceIsMigDeviceHandle(part).value == 1
    assert nvml.nvmlDeviceIsMigDeviceHandle(handle).value == 0
    whole = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)
    assert nvml.nvmlDeviceGetIndex(whole) == 0
    assert nvml.nvmlDeviceGetMemoryInfo(part).used == GIB
    (process,) = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    assert (process.pid, process.gpuInstanceId) == (child.pid, 8)
    with pytest.raises(nvml.NVMLError_NotFound):
        nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, 2)


def test_a_lost_device(machine_with: MachineWith, session: Callable[[], None]) -> None:
    machine = machine_with(Device(), Device())
    session()
    handle = nvml.nvmlDeviceGetHandleByIndex(1)
    machine.lose(1)
    assert nvml.nvmlDeviceGetCount() == 1
    with pytest.raises(nvml.NVMLError_GpuIsLost):
        nvml.nvmlDeviceGetPowerUsage(handle)


def test_without_a_driver(machine_with: MachineWith, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_with()
    monkeypatch.delenv("STANDIN_GPUS")
    with pytest.raises(nvml.NVMLError_DriverNotLoaded):
        nvml.nvmlInit()
