"""A real Triton on the GPUs of the stand-in."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from gpu.hungry import hungry_archive, hungry_folder
from gpu.machine import GIB, Device, Machine
from mmebench.server.containers.triton import TritonRecipe
from mmebench.server_directory import ServerDirectory
from support.invocations import invoke, runtime_client
from support.patience import wait_until
from support.serving import serving

pytestmark = pytest.mark.triton

MachineWith = Callable[..., Machine]

H100 = "NVIDIA H100 80GB HBM3"
POOL = 64 * 1024**2
"""What Triton takes of each GPU for itself."""


class Triton:
    """One that runs, by gRPC."""

    def __init__(self, run: ServerDirectory, pid: int, client: Any) -> None:
        self.repository = run.path / "repository"
        self.pid = pid
        self.client = client

    def load(self, name: str, size: int, **options: int) -> None:
        """Load a hungry model under this name."""
        hungry_folder(self.repository / name, size, **options)
        self.client.load_model(name)

    def infer(self, name: str, rows: int = 1) -> list[list[float]]:
        """Its answer to that many rows of 1, 2, 3, 4."""
        values = np.tile(np.arange(1, 5, dtype=np.float32), (rows, 1))
        tensor = grpc.InferInput("x", list(values.shape), "FP32")
        tensor.set_data_from_numpy(values)
        answer: list[list[float]] = self.client.infer(name, [tensor]).as_numpy("y").tolist()
        return answer


@pytest.fixture
def run() -> Iterator[ServerDirectory]:
    run = ServerDirectory()
    yield run
    run.close()


@pytest.fixture
def triton(two_gpus: tuple[Machine, Device, Device], run: ServerDirectory, tmp_path: Path) -> Iterator[Triton]:
    """Triton on :func:`two_gpus`."""
    recipe = TritonRecipe()
    (run.path / "repository").mkdir()
    recipe.prepare(run)
    with (tmp_path / "triton.log").open("wb") as output:
        process = subprocess.Popen(
            recipe.command(run), env=recipe.environment(), cwd=run.sockets, stdout=output, stderr=output
        )
    try:
        socket = run.socket("grpc:8001")
        wait_until(lambda: socket.exists() or process.poll() is not None)
        with grpc.InferenceServerClient(f"unix:{socket}") as client:
            wait_until(lambda: lives(client))
            yield Triton(run, process.pid, client)
    finally:
        process.terminate()
        process.wait(20)


def lives(client: Any) -> bool:
    try:
        return bool(client.is_server_live())
    except InferenceServerException:
        return False


@pytest.fixture
def two_gpus(machine_with: MachineWith) -> tuple[Machine, Device, Device]:
    devices = Device(H100, 80 * GIB), Device(H100, 80 * GIB)
    return machine_with(*devices), *devices


def test_a_model_on_one_gpu_of_two(triton: Triton, two_gpus: tuple[Machine, Device, Device]) -> None:
    machine, first, second = two_gpus
    triton.load("one", 30 * GIB, gpu=1)
    assert triton.infer("one") == [[2, 4, 6, 8]]
    assert machine.processes(first) == {triton.pid: POOL}
    assert machine.used(second) == POOL + 30 * GIB
    triton.load("two", 30 * GIB, gpu=1)
    with pytest.raises(InferenceServerException) as refusal:
        triton.load("three", 30 * GIB, gpu=1)
    assert "CUDA out of memory. Tried to allocate 30.00 GiB. GPU 1 has a total capacity of" in str(refusal.value)
    assert machine.used(second) == POOL + 60 * GIB
    triton.load("four", 30 * GIB, gpu=0)
    assert machine.used(first) == POOL + 30 * GIB


def test_an_inference_that_finds_no_memory(triton: Triton, two_gpus: tuple[Machine, Device, Device]) -> None:
    machine, first, _ = two_gpus
    triton.load("hungry", 10 * GIB, gpu=0, run=20 * GIB, row=10 * GIB)
    assert machine.used(first) == POOL + 10 * GIB
    assert triton.infer("hungry") == [[2, 4, 6, 8]]
    assert machine.used(first) == POOL + 40 * GIB
    with pytest.raises(InferenceServerException, match=r"CUDA out of memory\. Tried to allocate 50\.00 GiB"):
        triton.infer("hungry", rows=6)
    assert len(triton.infer("hungry", rows=4)) == 4
    assert machine.used(first) == POOL + 70 * GIB


def test_a_served_model_finds_its_gpu(two_gpus: tuple[Machine, Device, Device], tmp_path: Path) -> None:
    machine, first, second = two_gpus
    (tmp_path / "store").mkdir()
    hungry_archive(tmp_path / "store" / "hungry.tar.gz", GIB, gpu=1)
    with serving(tmp_path / "store", tmp_path / "serve.log", "--container", "triton") as served:
        assert invoke(runtime_client(served.url), "hungry.tar.gz", [[1.0, 2.0, 3.0, 4.0]]) == [[2, 4, 6, 8]]
        assert (machine.used(first), machine.used(second)) == (POOL, POOL + GIB)
