"""Targets on two GPUs: who goes where, and what that is for capacity."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gpu.asking import ROW, Asking, target
from gpu.hungry import hungry_archive, hungry_folder
from gpu.libraries import load
from gpu.machine import GIB, Device, Machine
from mmebench.benchmark.filling import fill
from mmebench.benchmark.kind import Copy
from mmebench.endpoints.local import LocalEndpoint
from mmebench.formats.archive import pack
from support.invocations import invoke
from support.kinds import copies
from support.serving import Serve, refusal

pytestmark = pytest.mark.triton

MachineWith = Callable[..., Machine]

POOL = 64 * 2**20
"""What Triton takes of each GPU for itself."""
LARGE, SMALL = Device("NVIDIA H100 80GB HBM3", 80 * GIB), Device("NVIDIA A10G", 24 * GIB)


@pytest.fixture(scope="module")
def machine(module_machine_with: MachineWith) -> Machine:
    return module_machine_with(LARGE, SMALL)


def used(machine: Machine) -> tuple[float, float]:
    """GiB of each GPU that targets take."""
    large, small = ((machine.used(device) - POOL) / GIB for device in (LARGE, SMALL))
    return large, small


class Growth:
    """GiB that targets have taken of each GPU since it was made."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._before = used(machine)

    def __call__(self) -> tuple[float, float]:
        (large, small), (large_before, small_before) = used(self._machine), self._before
        return large - large_before, small - small_before


def test_the_gpu_with_most_room_is_next(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    endpoint = serve()
    assert endpoint.instance_type == "local-1xH100-1xA10G-24GiB-80GiB"
    asking = Asking(endpoint, tmp_path)
    asking.add("abc", 20 * GIB)
    asking.ask("a", "b", "c")
    assert used(machine) == (60, 0), "80 GiB of room, then 60, then 40, always more than 24"
    asking.add(["d"], 10 * GIB)
    asking.ask("d")
    assert used(machine) == (60, 10)
    large, small = asking.residency().gpus
    assert (large.gpu, large.name, large.used, large.targets) == (0, LARGE.name, 60 * GIB, 3)
    assert (small.gpu, small.name, small.used, small.targets) == (1, SMALL.name, 10 * GIB, 1)
    residency = endpoint.residency()
    assert residency.memory_used == 70 * GIB
    assert residency.memory_budget == (large.budget or 0) + (small.budget or 0)


def test_one_that_the_gpu_with_most_room_could_never_hold(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    asking = Asking(serve(), tmp_path)
    asking.add("abc", 30 * GIB)
    asking.ask("a", "b")
    assert used(machine) == (60, 0)
    asking.ask("c")  # 20 GiB of room on the large one, and 24 on the small one
    assert asking.resident() == ["b", "c"]
    assert used(machine) == (60, 0)


def test_capacity_of_each_gpu(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(memory="3GiB")
    asking = Asking(endpoint, tmp_path)

    def invoke_one(copy: Copy) -> None:
        assert invoke(asking.client, copy.target, [ROW]) == [[2, 4, 6, 8]]

    def grow(copy: Copy) -> None:
        invoke(asking.client, copy.target, [ROW] * 4)

    archive = hungry_archive(tmp_path / "copy.tar.gz", GIB // 2, row=GIB // 8)
    capacity = fill(endpoint, copies(archive, 20), invoke_one, grow, None, lambda load: None)
    assert (capacity.fits, capacity.limited_by, capacity.bytes_per_copy) == (6, "eviction", GIB)
    assert [(gpu.gpu, gpu.name, gpu.fits, gpu.used, gpu.budget) for gpu in capacity.gpus] == [
        (0, LARGE.name, 3, 3 * GIB, 3 * GIB),
        (1, SMALL.name, 3, 3 * GIB, 3 * GIB),
    ]
    assert capacity.places == "3 on GPU 0, 3 on GPU 1"
    assert capacity.memory_budget == 6 * GIB
    assert capacity.bytes_per_copy_before_growth == 0.625 * GIB
    assert capacity.host_bytes_per_copy is not None
    assert capacity.host_bytes_per_copy > 2**20
    assert not capacity.by_growth


def test_eviction_makes_room_where_it_is_wanted(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    """The least recently used of all is on the other GPU, and stays."""
    asking = Asking(serve(memory="2GiB"), tmp_path)
    asking.add(["on0", "more on 0"], 2 * GIB, gpu=0)
    asking.add(["on1"], 2 * GIB, gpu=1)
    asking.ask("on1", "on0", "more on 0")
    assert asking.resident() == ["on1", "more on 0"]


def test_devices_chooses(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(devices=[1])
    assert endpoint.instance_type == "local-1xA10G-24GiB"
    asking = Asking(endpoint, tmp_path)
    asking.add("ab", GIB)
    asking.ask("a", "b")
    assert machine.processes(LARGE) == {}, "not even Triton sees it"
    assert machine.used(SMALL) == POOL + 2 * GIB
    (gpu,) = asking.residency().gpus
    assert (gpu.gpu, gpu.name, gpu.used) == (1, SMALL.name, 2 * GIB)


def test_no_devices_is_the_cpu(machine: Machine, serve: Serve, archives: dict[str, Path]) -> None:
    endpoint = serve(devices=[], memory="1GiB")
    assert endpoint.instance_type.endswith("cpu-1GiB")
    endpoint.add_targets(archives["onnx"], ["onnx.tar.gz"])
    assert invoke(Asking(endpoint, Path()).client, "onnx.tar.gz", [ROW]) == [[4, 7, 10, 13]]
    residency = endpoint.measure()
    assert residency.gpus == ()
    assert residency.memory_used == residency.host_memory_used > 2**20
    assert machine.processes(LARGE) == machine.processes(SMALL) == {}


def test_an_unknown_device(machine: Machine, tmp_path: Path) -> None:
    said = refusal(tmp_path, "--container", "triton", "--devices", "0,2", before=load)
    assert said.count("mmebench: ") == 1
    assert "devices: got 2; this machine has 0 (NVIDIA H100 80GB HBM3), 1 (NVIDIA A10G)" in said


def test_a_config_that_names_its_gpu(machine: Machine, whole: LocalEndpoint, tmp_path: Path) -> None:
    asking, growth = Asking(whole, tmp_path), Growth(machine)
    asking.add(["named"], GIB, gpu=1)
    asking.ask("named")
    assert growth() == (0, 1)


def test_instances_of_no_kind(machine: Machine, whole: LocalEndpoint, tmp_path: Path) -> None:
    """Triton would put one on each GPU."""
    asking, growth = Asking(whole, tmp_path), Growth(machine)
    for name, group in (("auto", "instance_group { count: 2 }"), ("none", "")):
        folder = tmp_path / name
        hungry_folder(folder, GIB)
        text = (folder / "config.pbtxt").read_text()
        (folder / "config.pbtxt").write_text(text.replace("instance_group { count: 1 kind: KIND_GPU  }", group))
        assert "KIND" not in (folder / "config.pbtxt").read_text()
        pack(folder, tmp_path / f"{name}.archive")
        asking.put(tmp_path / f"{name}.archive", [name])
        asking.ask(name)
    assert growth() == (3, 0)


def test_an_ensembles_members_are_on_one_gpu(machine: Machine, whole: LocalEndpoint, tmp_path: Path) -> None:
    asking, growth = Asking(whole, tmp_path), Growth(machine)
    folder = tmp_path / "whole"
    for member in ("first", "second"):
        hungry_folder(folder / member, 2 * GIB)
    (folder / "both" / "1").mkdir(parents=True)
    (folder / "both" / "config.pbtxt").write_text(ENSEMBLE)
    shutil.make_archive(str(tmp_path / "both"), "gztar", folder)
    asking.put(tmp_path / "both.tar.gz", ["both"])
    assert invoke(asking.client, target("both"), [ROW]) == [[4, 8, 12, 16]]
    assert growth() == (4, 0)


ENSEMBLE = """
platform: "ensemble"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }
ensemble_scheduling {
  step { model_name: "first" model_version: -1
         input_map { key: "x" value: "x" } output_map { key: "y" value: "z" } }
  step { model_name: "second" model_version: -1
         input_map { key: "x" value: "z" } output_map { key: "y" value: "y" } }
}
"""
