"""What CUDA's runtime, as the stand-in has it, shows and gives to a process."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psutil

from gpu.machine import GIB, Device, Machine, Slice
from support.patience import wait_until

MachineWith = Callable[..., Machine]

_LIST_DEVICES = """
import ctypes
cuda = ctypes.CDLL(None)
count = ctypes.c_int()
cuda.cudaGetDeviceCount(ctypes.byref(count))
for device in range(count.value):
    bus = ctypes.create_string_buffer(32)
    assert cuda.cudaDeviceGetPCIBusId(bus, 32, device) == 0
    print(bus.value.decode())
"""

_TAKE = """
import ctypes, sys
cuda, memory = ctypes.CDLL(None), ctypes.c_void_p()
print(cuda.cudaMalloc(ctypes.byref(memory), ctypes.c_size_t(int(sys.argv[1]))), flush=True)
if input():
    assert cuda.cudaFree(memory) == 0
    print("freed", flush=True)
    input()
"""
OUT_OF_MEMORY = "2"


@contextmanager
def taking(size: int, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that takes bytes of its first device and keeps them until it may proceed, or the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", _TAKE, str(size)],
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def proceed(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    print("on", file=process.stdin, flush=True)


def buses(visible: str | None) -> list[str]:
    """Those of the devices that CUDA shows to a new process."""
    environment = os.environ | ({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
    command = [sys.executable, "-S", "-c", _LIST_DEVICES]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return found.stdout.split()


def test_visible_devices(machine_with: MachineWith) -> None:
    devices = [Device(uuid=f"GPU-{letter}0000000-0000") for letter in "abc"]
    machine_with(*devices)
    first, second, third = "0000:10:00.0", "0000:11:00.0", "0000:12:00.0"
    assert buses(None) == [first, second, third]
    assert buses("2,0") == [third, first]
    assert buses(f"{devices[1].uuid},GPU-a") == [second, first]
    assert buses("1,7,0") == [second], "an unknown device hides those after it"
    assert buses("") == buses("-1") == buses("GPU-") == []
    assert buses("0,0") == [], "a device twice hides all"


def test_a_visible_slice(machine_with: MachineWith) -> None:
    slices = (Slice(), Slice(gpu_instance=8))
    machine = machine_with(Device(), Device(mig=True, slices=slices))
    with taking(6 * GIB, CUDA_VISIBLE_DEVICES=slices[1].uuid) as process:
        assert said(process) == "0"
        assert machine.processes(slices[1]) == {process.pid: 6 * GIB}
        assert machine.used(slices[0]) == 0
        with taking(6 * GIB, CUDA_VISIBLE_DEVICES=slices[1].uuid) as other:
            assert said(other) == OUT_OF_MEMORY
        proceed(process)
        assert said(process) == "freed"
        assert machine.processes(slices[1]) == {}


def test_processes_that_take_at_once(machine_with: MachineWith) -> None:
    device = Device(total=80 * GIB)
    machine = machine_with(device)
    with ExitStack() as stack:
        with (machine.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            processes = [stack.enter_context(taking(30 * GIB)) for _ in range(4)]
            wait_until(lambda: all(has_open(process.pid, lock.name) for process in processes))
            assert machine.used(device) == 0
        assert sorted(map(said, processes)) == ["0", "0", OUT_OF_MEMORY, OUT_OF_MEMORY]
        assert machine.used(device) == 60 * GIB


def has_open(pid: int, path: str) -> bool:
    return any(file.path == path for file in psutil.Process(pid).open_files())
