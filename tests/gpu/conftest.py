"""Machines with GPUs where there are none."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import pytest

from gpu.libraries import build
from gpu.machine import Device, Machine


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stand-in for NVIDIA's libraries lies."""
    return build(tmp_path_factory.mktemp("nvidia"))


@pytest.fixture
def machine_with(libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Machine]:
    """``machine_with(Device(), Device())``: the GPUs that this process, and what it starts, have from then on."""

    def make(*devices: Device) -> Machine:
        machine = Machine(tmp_path / "gpus", list(devices), libraries)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        for name, value in machine.environment.items():
            monkeypatch.setenv(name, value)
        # LD_LIBRARY_PATH comes too late for this process, but a library that is there already is not searched.
        ctypes.CDLL(str(libraries / "libnvidia-ml.so.1"))
        return machine

    return make
