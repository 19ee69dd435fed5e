"""The server_metrics model: its readings, and its answers from a real Triton."""

import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mmebench.endpoints import server_metrics
from mmebench.endpoints.local import LocalEndpoint
from mmebench.endpoints.server_metrics.reading import (
    ServerMetrics,
    parse_server_metrics,
    read_server_metrics,
    write_archive,
)
from mmebench.server.containers import python_backend_utils as pb_utils
from mmebench.wire.runtime import RuntimeClient
from support.tiny_models import python_archive

MEBIBYTE = 1024 * 1024


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file that Triton runs, imported with a stand-in for what Triton gives it."""
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", pb_utils)
    path = Path(server_metrics.__file__).parent / "1" / "model.py"
    specification = importlib.util.spec_from_file_location("server_metrics_model", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class FakeNvml:
    """Two GPUs; the second is split, so it does not tell how busy it is."""

    class NVMLError(Exception):
        pass

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        return number

    def nvmlDeviceGetMemoryInfo(self, device: int) -> Any:
        used = (device + 1) * 100
        return SimpleNamespace(total=1000 * MEBIBYTE, used=used * MEBIBYTE, free=(1000 - used) * MEBIBYTE)

    def nvmlDeviceGetUtilizationRates(self, device: int) -> Any:
        if device == 1:
            raise self.NVMLError
        return SimpleNamespace(gpu=75, memory=30)

    def nvmlDeviceGetPowerUsage(self, device: int) -> int:
        return 78_500

    def nvmlDeviceGetTotalEnergyConsumption(self, device: int) -> int:
        if device == 1:
            raise self.NVMLError
        return 3_608_463_500


def outputs(response: pb_utils.InferenceResponse) -> dict[str, list[float]]:
    return {tensor.name(): tensor.as_numpy().tolist() for tensor in response.output_tensors()}


def test_each_gpu_has_a_value_and_each_request_an_answer(
    model: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    served = model.TritonPythonModel()
    served.initialize({})
    responses = served.execute([pb_utils.InferenceRequest({})] * 3)
    assert len(responses) == 3
    for response in responses:
        found = outputs(response)
        assert found["gpu_utilization"] == [75, -1]
        assert found["gpu_memory_utilization"] == [30, -1]
        assert found["gpu_total_memory"] == [1000, 1000]
        assert found["gpu_used_memory"] == [100, 200]
        assert found["gpu_free_memory"] == [900, 800]
        assert len(found["cpu_utilization"]) == len(found["memory_utilization"]) == 1
        assert found["gpu_power"] == [78.5, 78.5]
        assert found["gpu_energy"] == [3608463.5, -1]
        kinds = {tensor.name(): tensor.as_numpy().dtype.name for tensor in response.output_tensors()}
        assert kinds.pop("gpu_energy") == "float64"
        assert set(kinds.values()) == {"float32"}
    assert outputs(responses[0]) == outputs(responses[2])


def test_nvidia_smi(model: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where pynvml is not installed."""
    fake = tmp_path / "nvidia-smi"
    fake.write_text(
        "#!/bin/sh\necho '37, 5, 15360, 15000, 360, 70.5'\necho '[N/A], [N/A], 15360, 15100, 260, [N/A]'\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert model.gpu_reader()() == [
        [37, 5, 15360, 15000, 360, 70.5, -1],
        [-1, -1, 15360, 15100, 260, -1, -1],
    ]
    fake.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    assert model.gpu_reader()() == []


def test_cpu_use_is_what_happened_since_the_last_look(model: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([(100.0, 1000.0), (150.0, 1200.0), (150.0, 1200.0), (350.0, 1400.0)])
    monkeypatch.setattr(model, "cpu_seconds", lambda: next(looks))
    clock = model.CpuClock()
    assert [clock.utilization() for _ in range(3)] == [25.0, 25.0, 100.0]


def test_proc_files(model: ModuleType) -> None:
    assert model.parse_proc_stat("cpu  10 20 30 400 50 6 7 8 0 0\ncpu0 1 1 1 1\n") == (81.0, 531.0)
    assert model.parse_meminfo("MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\n") == 75.0


def test_cpu_use_is_real(model: ModuleType) -> None:
    clock = model.CpuClock()
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        pass
    assert 0 < clock.utilization() <= 100


def test_how_full_the_gpus_are_together_and_nothing_without_one() -> None:
    two = ServerMetrics((1, 2), (0, 0), (100, 300), (90, 110), (10, 190), 5.0, 40.0)
    assert two.gpu_memory_share == pytest.approx(0.5)
    assert ServerMetrics((), (), (), (), (), 5.0, 40.0).gpu_memory_share is None
    units = {field.name: field.metadata["unit"] for field in fields(ServerMetrics)}
    assert units["gpu_used_memory"] == "MiB"
    assert units["memory_utilization"] == "percent"


def test_an_answer_of_another_model_is_refused() -> None:
    body = json.dumps({"outputs": [{"name": "y", "shape": [1], "datatype": "FP32", "data": [1.0]}]}).encode()
    with pytest.raises(ValueError, match="not an answer of server_metrics"):
        parse_server_metrics(body, "application/json")


@pytest.fixture(scope="module")
def client(endpoint: LocalEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeClient]:
    endpoint.add_targets(write_archive(tmp_path_factory.mktemp("metrics")), [server_metrics.TARGET])
    client = RuntimeClient(endpoint)
    yield client
    client.close()


@pytest.mark.triton
def test_readings_from_triton(endpoint: LocalEndpoint, client: RuntimeClient) -> None:
    loads = endpoint.residency().loads
    metrics = read_server_metrics(client)
    assert 0 <= metrics.cpu_utilization <= 100
    assert 0 < metrics.memory_utilization < 100
    gpus = len(metrics.gpu_utilization)
    assert gpus == len(metrics.gpu_total_memory) == len(metrics.gpu_used_memory) == len(metrics.gpu_free_memory)
    residency = endpoint.residency()
    assert residency.loads == loads, "a service model counted as a loaded one"
    assert server_metrics.TARGET not in residency.resident


@pytest.mark.triton
@pytest.mark.parametrize("binary", [False, True])
def test_no_input_is_needed(client: RuntimeClient, binary: bool) -> None:
    content = json.dumps({"inputs": [], "parameters": {"binary_data_output": binary}}).encode()
    body, content_type = client.invoke(server_metrics.TARGET, content, "application/json")
    assert content_type.startswith("application/vnd.sagemaker-triton.binary+json") == binary
    assert 0 < parse_server_metrics(body, content_type).memory_utilization < 100


@pytest.mark.triton
def test_several_gpus_in_a_real_triton(endpoint: LocalEndpoint, client: RuntimeClient, tmp_path: Path) -> None:
    """The same file, on a machine that seems to have two GPUs."""
    folder = Path(server_metrics.__file__).parent
    source = (folder / "1" / "model.py").read_text()
    rows = [(1, 2, 30, 20, 10, 70, 1e9 + 1), (3, 4, 300, 200, 100, 80, -1)]
    source += f"\ndef gpu_reader():\n    return lambda: {rows}\n"
    archive = python_archive(tmp_path / "two.tar.gz", source, (folder / "config.pbtxt").read_text())
    endpoint.add_targets(archive, ["two-gpus.tar.gz"])
    for binary in (False, True):
        content = json.dumps({"inputs": [], "parameters": {"binary_data_output": binary}}).encode()
        metrics = parse_server_metrics(*client.invoke("two-gpus.tar.gz", content, "application/json"))
        assert list(metrics.gpu_utilization) == [1, 3]
        assert list(metrics.gpu_used_memory) == [10, 100]
        assert list(metrics.gpu_total_memory) == [30, 300]
        assert list(metrics.gpu_energy) == [1e9 + 1, -1]
