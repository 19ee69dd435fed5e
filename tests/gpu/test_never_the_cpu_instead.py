"""A model that asks for a GPU and whose runtime has no CUDA is refused: on the CPU it would be something else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from platform import machine as processor

import pytest

from gpu.asking import ROW, Asking, target
from gpu.machine import Device, Machine
from mmebench.endpoints.local import LocalEndpoint
from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.config import make_config
from mmebench.models.device import device_kind
from mmebench.spec import PLATFORMS
from mmebench.spec import Spec as Benchmark
from support.invocations import invoke
from support.tiny_models import aoti_label, loose_archive, onnx_archive, torchscript_archive

pytestmark = pytest.mark.triton

NAMES = {"pt": ("INPUT__0", "OUTPUT__0"), "onnx": ("x", "y")}
FOUND = {"pt": r"PyTorch \S+ is built without CUDA", "onnx": r"ONNX Runtime \S+ has no CUDA provider"}


@pytest.fixture(scope="module")
def machine(module_machine_with: Callable[..., Machine]) -> Machine:
    return module_machine_with(Device())


def archive(path: Path, platform: str, device: str) -> Path:
    """Of a model as a spec asks for it with ``device``."""
    spec = Benchmark.model_validate(
        {"model": {"source": "timm", "name": "resnet18"}, "platforms": [{"kind": platform, "device": device}]}
    )
    tensors = [[TensorSpec(name=name, datatype="FP32", shape=(4,))] for name in NAMES[platform]]
    make = torchscript_archive if platform == "pt" else onnx_archive
    return make(path, 1, config=make_config(spec.platforms[0], "cv", *tensors))


@pytest.mark.parametrize("platform", ["pt", "onnx"])
def test_on_a_gpu_without_cuda(platform: str, whole: LocalEndpoint, tmp_path: Path) -> None:
    asking = Asking(whole, tmp_path)
    asking.put(archive(tmp_path / "archive", platform, "gpu"), [platform])
    advice = (
        r"install 'mmebench\[gpu\]'.*, or ask for the CPU \(device: cpu in a spec, KIND_CPU in config\.pbtxt\)"
    )
    message = f"its configuration asks for GPU 0, and {FOUND[platform]}; {advice}"
    with pytest.raises(asking.client.exceptions.ModelError, match=message):
        invoke(asking.client, target(platform), [ROW], NAMES[platform][0])
    assert asking.resident() == []


@pytest.mark.parametrize("platform", ["pt", "onnx"])
def test_on_the_cpu_beside_a_gpu(platform: str, whole: LocalEndpoint, machine: Machine, tmp_path: Path) -> None:
    asking = Asking(whole, tmp_path)
    name = f"cpu-{platform}"
    asking.put(archive(tmp_path / "archive", platform, "cpu"), [name])
    before = machine.used(machine.devices[0])
    assert invoke(asking.client, target(name), [ROW], NAMES[platform][0]) == [[4, 7, 10, 13]]
    residency = asking.residency()
    assert machine.used(machine.devices[0]) == before
    assert residency.memory_used == 0
    assert residency.host_memory_used > 2**20


def test_code_for_the_cpu_is_not_served_on_a_gpu(whole: LocalEndpoint, tmp_path: Path) -> None:
    asking = Asking(whole, tmp_path)
    spec = PLATFORMS.read({"kind": "pt2"})
    tensors = [[TensorSpec(name=name, datatype="FP32", shape=(4,))] for name in NAMES["pt"]]
    files: Mapping[str, str | bytes] = {
        "m/config.pbtxt": make_config(spec, "cv", *tensors),
        "m/1/model.pt2": aoti_label(instructions="AVX2"),
    }
    asking.put(loose_archive(tmp_path / "archive", files), ["pt2"])
    message = (
        rf"asks for GPU 0, and it was compiled for the CPU \({processor()} AVX2\); compile it where it is to "
        r"run, by a PyTorch with CUDA, or ask for the CPU \(device: cpu"
    )
    with pytest.raises(asking.client.exceptions.ModelError, match=message):
        invoke(asking.client, target("pt2"), [ROW], "INPUT__0")
    assert "pt2" not in asking.resident()


def test_nothing_is_compiled_for_the_cpu_beside_a_gpu(machine: Machine) -> None:
    """Here PyTorch has no CUDA, and the machine has a GPU."""
    with pytest.raises(
        BadInputError, match=rf"cannot use this machine's {machine.devices[0].name}; run: pip install"
    ):
        device_kind(PLATFORMS.read({"kind": "pt2"}))
    assert device_kind(PLATFORMS.read({"kind": "pt2", "device": "cpu"})) == "cpu"


def test_openvino_takes_no_gpu(whole: LocalEndpoint, archives: dict[str, Path], tmp_path: Path) -> None:
    """Its config says KIND_GPU, which Triton's own backend refuses."""
    asking = Asking(whole, tmp_path)
    asking.put(archives["openvino"], ["openvino"])
    with pytest.raises(asking.client.exceptions.ModelError, match="OpenVINO runs on the CPU here: say KIND_CPU"):
        invoke(asking.client, target("openvino"), [ROW])
