"""Containers that have no process a model, on a GPU: one by its URL, and the Python fallback."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from gpu.asking import ROW, Asking
from gpu.hungry import hungry_archive
from gpu.machine import GIB, Device, Machine
from mmebench.benchmark.filling import fill
from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.record.run import Capacity
from mmebench.spec import LocalEndpoint as Spec
from support.contract_server import ContractServer
from support.invocations import invoke
from support.kinds import copies
from support.sagemaker_front import sagemaker_front
from support.serving import Serve

MachineWith = Callable[..., Machine]

POOL = 64 * 2**20
"""What Triton takes for itself."""


def filled(endpoint: LocalEndpoint, folder: Path) -> Capacity:
    """With copies of 1 GiB, half of it when they are loaded."""
    client = Asking(endpoint, folder).client
    return fill(
        endpoint,
        copies(hungry_archive(folder / "copy.tar.gz", GIB // 2, row=GIB // 8), 20),
        lambda copy: invoke(client, copy.target, [ROW]),
        lambda copy: invoke(client, copy.target, [ROW] * 4),
        None,
        lambda load: None,
    )


@pytest.mark.triton
def test_capacity_of_a_container_by_its_url(machine_with: MachineWith, tmp_path: Path) -> None:
    """It is full when it says so; what it took until then is what the GPU's memory grew by."""
    machine_with(Device(total=4 * GIB + GIB // 4, reserved=0))
    (tmp_path / "store").mkdir()
    with ExitStack() as stack:
        url = stack.enter_context(sagemaker_front(tmp_path))
        spec = Spec.model_validate({"container": url, "model_directory": tmp_path / "models"})
        endpoint = stack.enter_context(start(spec, tmp_path / "store", tmp_path / "serve.log"))
        capacity = filled(endpoint, tmp_path)
        assert (capacity.fits, capacity.limited_by, capacity.by_growth) == (4, "eviction", True)
        assert (capacity.bytes_per_copy, capacity.memory_budget) == (GIB, None)
        (gpu,) = capacity.gpus
        assert (gpu.fits, gpu.used, gpu.budget) == (4, 4 * GIB, None)


def test_on_several_gpus_nobody_knows_where_a_container_puts_them(
    machine_with: MachineWith, tmp_path: Path
) -> None:
    machine_with(Device(), Device())
    (tmp_path / "store").mkdir()
    with ContractServer() as container:
        spec = Spec.model_validate({"container": container.url, "model_directory": tmp_path / "models"})
        with start(spec, tmp_path / "store", tmp_path / "serve.log") as endpoint:
            assert endpoint.residency().gpus == ()
        one = spec.model_copy(update={"devices": (1,)})
        with start(one, tmp_path / "store", tmp_path / "serve.log") as endpoint:
            assert [gpu.gpu for gpu in endpoint.residency().gpus] == [1]


def test_the_fallback_is_on_the_gpu_too(machine_with: MachineWith, serve: Serve, tmp_path: Path) -> None:
    devices = Device(), Device()
    machine = machine_with(*devices)
    endpoint = serve(container="python", devices=[1], memory="4GiB")
    assert endpoint.container == "python (fallback)"
    capacity = filled(endpoint, tmp_path)
    assert (capacity.fits, capacity.limited_by, capacity.by_growth) == (4, "eviction", True)
    assert capacity.bytes_per_copy == GIB
    assert machine.used(devices[0]) == 0
    assert machine.used(devices[1]) == endpoint.measure().memory_used
    (gpu,) = capacity.gpus
    assert (gpu.gpu, gpu.fits, gpu.used) == (1, 4, 4 * GIB)
