"""A driver that does not say what this machine's processes take: memory is what the GPU's grew by."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpu.asking import Asking
from gpu.hungry import hungry_archive
from gpu.machine import GIB, Device, Machine, Processes
from mmebench.benchmark.filling import fill
from mmebench.gpus.gpu import Gpu
from mmebench.gpus.nvml import find_gpus
from mmebench.server.containers import gpu_memory
from mmebench.server.containers.gpu_memory import GpuMemory
from support.invocations import invoke
from support.kinds import copies
from support.serving import Serve
from support.tiny_models import python_archive

MachineWith = Callable[..., Machine]

POOL = 64 * 2**20
ON = "gpu 0"


@pytest.mark.triton
@pytest.mark.parametrize("processes", [None, "unmeasured", "elsewhere", "unnamed"])
def test_every_way_not_to_say_it(
    processes: Processes, machine_with: MachineWith, serve: Serve, tmp_path: Path
) -> None:
    """WSL and MIG tell nothing; a container with process ids of its own is told of nobody, or of others."""
    device = Device(processes=processes)
    machine = machine_with(device)
    machine.take(device, os.getpid(), 7 * GIB)
    asking = Asking(serve(memory="10GiB", load_concurrency=4), tmp_path)
    asking.add("abcd", 2 * GIB, run=GIB)
    asking.ask_at_once("a", "b", "c")
    residency = asking.residency()
    assert (residency.by_growth, residency.memory_used) == (True, 9 * GIB)
    assert residency.gpus[0].used == 9 * GIB == machine.used(device) - 7 * GIB - POOL
    asking.ask("d")
    residency = asking.residency()
    assert (residency.evictions, residency.memory_used) == (1, 9 * GIB)
    assert asking.resident()[-1] == "d"


@pytest.mark.triton
def test_sums_are_right_after_loads_evictions_and_growth(
    machine_with: MachineWith, serve: Serve, tmp_path: Path
) -> None:
    device = Device(processes=None)
    machine = machine_with(device)
    asking = Asking(serve(memory="12GiB"), tmp_path)
    asking.add("abcd", 2 * GIB, row=GIB)

    def is_right() -> bool:
        residency = asking.residency()
        return residency.memory_used == machine.used(device) - POOL

    asking.ask("a", "b", "c")
    assert is_right()
    asking.ask("a", rows=2)
    assert is_right()
    asking.ask("b", rows=3)
    assert is_right()
    asking.ask("d")  # with what they have grown by, three are too many
    assert is_right()
    assert asking.residency().memory_used <= 12 * GIB
    asking.ask("c", "d", "a", "b", "c")
    assert is_right()


@pytest.mark.triton
def test_a_first_inference_is_not_the_next_loads(machine_with: MachineWith, serve: Serve, tmp_path: Path) -> None:
    machine_with(Device(processes=None))
    asking = Asking(serve(memory="11GiB"), tmp_path)
    asking.add(["eager"], GIB, run=4 * GIB)
    asking.add("abc", GIB)
    asking.ask("eager", "a", "b", "c")
    assert asking.resident() == ["eager", "a", "b", "c"], "none of the others is taken for one of 5 GiB"


@pytest.mark.triton
def test_capacity_says_so(machine_with: MachineWith, serve: Serve, tmp_path: Path) -> None:
    machine_with(Device(processes="unmeasured"))
    endpoint = serve(memory="4GiB")
    client = Asking(endpoint, tmp_path).client
    capacity = fill(
        endpoint,
        copies(hungry_archive(tmp_path / "copy.tar.gz", GIB // 2, row=GIB // 8), 20),
        lambda copy: invoke(client, copy.target, [[1.0] * 4]),
        lambda copy: invoke(client, copy.target, [[1.0] * 4] * 4),
        None,
        lambda load: None,
    )
    assert capacity.by_growth
    assert (capacity.fits, capacity.limited_by, capacity.bytes_per_copy) == (4, "eviction", GIB)


@pytest.mark.triton
@pytest.mark.parametrize(("processes", "wait", "together"), [("measured", 30, 2), (None, 0.3, 1)])
def test_one_load_at_a_time(
    processes: Processes, wait: float, together: int, machine_with: MachineWith, serve: Serve, tmp_path: Path
) -> None:
    """Where each load's memory is told apart by the process, they go on together."""
    machine_with(Device(processes=processes))
    endpoint = serve(load_concurrency=4)
    asking = Asking(endpoint, tmp_path)
    asking.add(["first"], GIB)
    asking.ask("first")
    seen = tmp_path / "seen"
    seen.mkdir()
    for name in "ab":
        asking.put(
            python_archive(tmp_path / f"{name}.archive", source=_COMPANY.format(seen=str(seen), wait=wait)), [name]
        )
    with pytest.raises(asking.client.exceptions.ModelError, match="this was all"):
        asking.ask_at_once("a", "b")
    assert max(int(file.read_text()) for file in seen.glob("*.seen")) == together


_COMPANY = """
import time
from pathlib import Path
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def initialize(self, arguments):
        here = Path({seen!r})
        mine = here / arguments["model_name"]
        (mine.with_suffix(".loads")).touch()
        deadline = time.monotonic() + {wait}
        while True:
            count = len(list(here.glob("*.loads")))
            if count > 1 or any(here.glob("*.seen")) or time.monotonic() > deadline:
                break
            time.sleep(0.01)
        mine.with_suffix(".seen").write_text(str(count))
        mine.with_suffix(".loads").unlink()
        raise pb_utils.TritonModelException("this was all")
"""


@pytest.fixture
def gpu(machine_with: MachineWith) -> tuple[Machine, Device, GpuMemory]:
    """Accounts of a GPU whose driver says nothing of processes."""
    device = Device(processes=None)
    machine = machine_with(device)
    accounts = GpuMemory(find_gpus())
    machine.take(device, os.getpid(), GIB)
    accounts.begin()
    return machine, device, accounts


Accounts = tuple[Machine, Device, GpuMemory]


def gib(found: dict[str, dict[str, int]]) -> dict[str, float]:
    return {model: memory[ON] / GIB for model, memory in found.items()}


def test_what_is_new_is_the_loads_and_then_theirs_who_ran(gpu: Accounts) -> None:
    machine, device, accounts = gpu

    def take(size: float) -> None:
        machine.take(device, os.getpid(), round((1 + size) * GIB))

    accounts.place("a", 0)
    take(1)
    assert gib(accounts.measure({})) == {"a": 1}
    accounts.place("b", 0)
    take(4)
    assert gib(accounts.measure({}, ["a"])) == {"a": 1, "b": 3}, "a ran while b was loaded"
    take(6)
    assert gib(accounts.measure({}, ["b"])) == {"a": 1, "b": 5}
    take(8)
    assert gib(accounts.measure({}, ["a", "b"])) == {"a": 2, "b": 6}
    take(4)
    assert gib(accounts.measure({}, ["b"])) == {"a": 1, "b": 3}, "in proportion"
    take(1)
    accounts.forget("b")
    assert gib(accounts.measure({})) == {"a": 1}


@given(
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=1, max_size=20), data=st.data()
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sum_is_what_the_gpu_grew_by(gpu: Accounts, steps: list[tuple[str, int]], data: st.DataObject) -> None:
    machine, device, accounts = gpu
    machine.take(device, os.getpid(), GIB)
    accounts.begin()
    for name, size in steps:
        match data.draw(st.sampled_from(["place", "forget", "run"])):
            case "place":
                accounts.place(name, 0)
                ran = ""
            case "forget":
                accounts.forget(name)
                ran = ""
            case _:
                ran = name
        machine.take(device, os.getpid(), GIB + size * 1001 + (GIB if size else 0))
        found = accounts.measure({}, ran)
        assert not found or sum(memory[ON] for memory in found.values()) == (size * 1001 + GIB if size else 0)
        assert all(memory[ON] >= 0 for memory in found.values())


def test_what_was_there_before_goes(gpu: Accounts) -> None:
    """As what a container that died had, which is counted as others' when the next one comes up."""
    machine, device, accounts = gpu
    accounts.place("a", 0)
    machine.take(device, os.getpid(), GIB // 2)
    assert gib(accounts.measure({})) == {"a": 0}
    machine.take(device, os.getpid(), 2 * GIB)
    assert gib(accounts.measure({}, "a")) == {"a": 1.5}


def test_a_model_that_takes_nothing_decides_nothing(machine_with: MachineWith) -> None:
    """Until one has grown, nobody can tell a driver that hides processes from one that has none to name."""
    device = Device(processes="unnamed")
    machine = machine_with(device)
    accounts = GpuMemory(find_gpus())
    accounts.begin()
    accounts.place("a", 0)
    assert accounts.measure({"a": [os.getpid()]}) == {}
    assert accounts.by_process is None
    machine.take(device, os.getpid(), GIB)
    assert gib(accounts.measure({"a": [os.getpid()]})) == {"a": 1}
    assert accounts.by_process is False


def test_who_forgets_a_model_does_not_wait_for_the_driver(gpu: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done where requests are served."""
    accounts = gpu[2]
    accounts.place("a", 0)
    asked, answers = threading.Event(), threading.Event()

    def slow(gpu: Gpu) -> None:
        asked.set()
        answers.wait()

    monkeypatch.setattr(gpu_memory, "process_memory", slow)
    with ThreadPoolExecutor(2) as threads:
        measuring = threads.submit(accounts.measure, {})
        asked.wait()
        try:
            threads.submit(accounts.forget, "a").result(timeout=10)
            assert not measuring.done()
        finally:
            answers.set()
        assert measuring.result() == {"a": {ON: 0}}, "it was there when the driver was asked"
    assert accounts.measure({}) == {}


def test_processes_that_a_model_has_started_are_the_models(machine_with: MachineWith) -> None:
    device = Device()
    machine = machine_with(device)
    accounts = GpuMemory(find_gpus())
    accounts.begin()
    accounts.place("a", 0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        machine.take(device, child.pid, GIB)
        machine.take(device, os.getppid(), 5 * GIB)
        assert gib(accounts.measure({"a": [os.getpid()]})) == {"a": 1}
        assert accounts.by_process
        child.kill()
