"""A GPU whose driver does not answer, from the beginning or from some moment on."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gpu.asking import ROW
from gpu.hungry import hungry_archive
from gpu.machine import GIB, Device, Machine
from mmebench.endpoints.local import start
from mmebench.environment import describe_environment
from mmebench.errors import MmebenchError
from mmebench.gpus import nvml
from mmebench.gpus.nvml import GpuError, find_gpus, process_memory, read_gpu
from mmebench.spec import LocalEndpoint as Spec
from support.invocations import invoke, runtime_client
from support.served_constants import override
from support.serving import Serve

MachineWith = Callable[..., Machine]

SILENT = "nvidia0 is there, and the NVIDIA driver does not answer: Driver Not Loaded; if it was updated restart"


@pytest.fixture
def device_file(machine_with: MachineWith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a GPU whose driver does not answer."""
    machine_with()
    monkeypatch.delenv("STANDIN_GPUS")
    file = tmp_path / "dev" / "nvidia0"
    file.parent.mkdir()
    file.touch()
    constant = "mmebench.gpus.nvml._DEVICE_FILES"
    monkeypatch.setattr(nvml, "_DEVICE_FILES", str(file.parent))
    override(monkeypatch, tmp_path / "site", {constant: str(file.parent)})
    return file


@pytest.mark.triton
def test_serving_is_refused(device_file: Path, tmp_path: Path) -> None:
    with pytest.raises(MmebenchError, match=SILENT) as caught:
        start(Spec(container="triton"), tmp_path, tmp_path / "serve.log")
    assert caught.value.exit_code == 3
    assert "or serve on the CPU by devices: []" in str(caught.value)
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


@pytest.mark.triton
def test_on_the_cpu_all_goes_well(device_file: Path, serve: Serve, archives: dict[str, Path]) -> None:
    endpoint = serve(devices=[])
    endpoint.add_targets(archives["onnx"], ["onnx.tar.gz"])
    assert invoke(runtime_client(endpoint.url), "onnx.tar.gz", [ROW]) == [[4, 7, 10, 13]]


def test_the_record_says_so(device_file: Path) -> None:
    environment = describe_environment()
    assert environment["gpus"] == []
    assert SILENT in environment["gpus_unknown"]
    assert environment["cpus"] > 0


def test_without_a_gpu_there_is_nothing_to_say(device_file: Path) -> None:
    with pytest.raises(GpuError, match=SILENT):
        find_gpus()
    device_file.unlink()
    assert find_gpus() == ()
    assert "gpus_unknown" not in describe_environment()


def test_a_gpu_that_is_lost(machine_with: MachineWith) -> None:
    machine = machine_with(Device(), Device())
    gpu = find_gpus()[1]
    machine.lose(1)
    for ask in (read_gpu, process_memory):
        with pytest.raises(GpuError, match="an NVIDIA GPU that was there does not answer any more"):
            ask(gpu)


@pytest.mark.triton
def test_a_gpu_that_is_lost_while_it_serves(
    machine_with: MachineWith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_with(Device())
    override(monkeypatch, tmp_path / "site", {"mmebench.server.memory.evictor._REFRESH_SECONDS": 0.2})
    (tmp_path / "store").mkdir()
    hungry_archive(tmp_path / "store" / "a.tar.gz", GIB)
    command = [sys.executable, "-m", "mmebench", "serve", str(tmp_path / "store"), "--container", "triton"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("ready ").partition("/endpoints/")[0]
        assert invoke(runtime_client(url), "a.tar.gz", [ROW]) == [[2, 4, 6, 8]]
        machine.lose(0)
        _, said = process.communicate(timeout=250)
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 3
    assert said.count("mmebench: an NVIDIA GPU that was there does not answer any more: ") == 1
    assert "Traceback" not in said
