"""Slices of a GPU (MIG) are devices of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from gpu.asking import Asking
from gpu.libraries import load
from gpu.machine import GIB, Device, Machine, Slice
from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.gpus.nvml import describe_gpus, find_gpus
from mmebench.spec import LocalEndpoint as Spec
from support.serving import refusal

MachineWith = Callable[..., Machine]

POOL = 64 * 2**20
FIRST, SECOND = Slice(), Slice("NVIDIA H100 80GB HBM3 MIG 2g.20gb", 20 * GIB, gpu_instance=8)
SPLIT = Device("NVIDIA H100 80GB HBM3", 80 * GIB, mig=True, slices=(FIRST, SECOND), utilization=None)
WHOLE = Device("NVIDIA H100 80GB HBM3", 80 * GIB)


@pytest.fixture(scope="module")
def machine(module_machine_with: MachineWith) -> Machine:
    return module_machine_with(SPLIT)


@pytest.fixture(scope="module", params=[None, (1,)])
def served(
    request: pytest.FixtureRequest, machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LocalEndpoint, Slice, Path]]:
    """On the slice that is chosen, and where none is; and its log."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "store").mkdir()
    log = folder / "serve.log"
    with start(Spec(container="triton", devices=request.param), folder / "store", log) as endpoint:
        yield endpoint, FIRST if request.param is None else SECOND, log


@pytest.mark.triton
def test_a_slice_is_used_alone(
    served: tuple[LocalEndpoint, Slice, Path], machine: Machine, tmp_path: Path
) -> None:
    endpoint, used, log = served
    other = FIRST if used is SECOND else SECOND
    (triton,) = (each for each in psutil.Process(endpoint.pid).children() if each.name() == "tritonserver")
    assert triton.environ()["CUDA_VISIBLE_DEVICES"] == used.uuid
    asking = Asking(endpoint, tmp_path)
    asking.add("ab", 2 * GIB, run=GIB)
    asking.ask("a", "b")
    residency = asking.residency()
    assert machine.used(used) - POOL == residency.memory_used == 6 * GIB
    assert machine.used(other) == 0
    (gpu,) = residency.gpus
    assert (gpu.gpu, gpu.name, gpu.total) == ((FIRST, SECOND).index(used), used.name, used.total)
    assert residency.memory_budget == used.total - POOL - 512 * 2**20
    said = f"{FIRST.name} is split by MIG, and CUDA gives a process one slice: targets run on 0; devices chooses"
    assert (said in log.read_text()) == (used is FIRST)


@pytest.mark.triton
def test_two_slices_are_refused(machine: Machine, tmp_path: Path) -> None:
    said = refusal(tmp_path, "--container", "triton", "--devices", "0,1", before=load)
    assert said.count("mmebench: ") == 1
    assert "devices: got 0, 1, and 0 is a slice of MIG; CUDA gives a process one slice and nothing else" in said


def test_slices_are_counted_among_whole_gpus(machine_with: MachineWith) -> None:
    machine_with(WHOLE, SPLIT)
    whole, first, second = find_gpus()
    assert (whole.index, whole.uuid, whole.total, whole.slice) == (0, WHOLE.uuid, WHOLE.total, None)
    assert (first.index, first.uuid, first.total, first.slice) == (1, FIRST.uuid, FIRST.total, (1, 0))
    assert (second.index, second.uuid, second.total, second.slice) == (2, SECOND.uuid, SECOND.total, (1, 1))
    assert [gpu["mig"] for gpu in describe_gpus()] == [False, True, True]


@pytest.mark.triton
def test_the_whole_gpu_beside_slices_is_chosen_by_its_number(
    machine_with: MachineWith, serve: Callable[..., LocalEndpoint]
) -> None:
    machine_with(SPLIT, WHOLE)
    assert [gpu.name for gpu in serve(devices=[2]).residency().gpus] == [WHOLE.name]
