"""Machines with GPUs where there are none."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gpu.libraries import build, load
from gpu.machine import Device, Machine
from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.gpus import nvml
from mmebench.spec import LocalEndpoint as Spec


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stand-in for NVIDIA's libraries lies."""
    return build(tmp_path_factory.mktemp("nvidia"))


@pytest.fixture
def machine_with(libraries: Path, tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """``machine_with(Device(), Device())``: the GPUs that this process, and what it starts, have from then on."""
    with ExitStack() as stack:
        yield lambda *devices: stack.enter_context(_installed(tmp_path / "gpus", libraries, devices))


@pytest.fixture(scope="module")
def module_machine_with(
    libraries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Machine]]:
    """The same for all tests of a module."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("machine") / "gpus"
        yield lambda *devices: stack.enter_context(_installed(folder, libraries, devices))


@contextmanager
def _installed(folder: Path, libraries: Path, devices: tuple[Device, ...]) -> Iterator[Machine]:
    machine = Machine(folder, list(devices), libraries)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        for name, value in machine.environment.items():
            patch.setenv(name, value)
        load()
        nvml._library.cache_clear()
        yield machine
    nvml._library.cache_clear()


@pytest.fixture(scope="module")
def whole(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    """An endpoint that may use all of the module's ``machine``; tests add targets of their own."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "store").mkdir()
    with start(Spec(container="triton"), folder / "store", folder / "serve.log") as endpoint:
        yield endpoint
