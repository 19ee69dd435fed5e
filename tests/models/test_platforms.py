"""Exports of small models to each platform, read back from their files."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from mmebench.errors import BadInputError, MmebenchError, disk_errors
from mmebench.models.example import Array, example
from mmebench.models.model import Model
from mmebench.models.parity import TOLERANCE, check_parity
from mmebench.models.platforms import find_exporter
from mmebench.models.platforms.export import Export
from mmebench.models.sources import load_model
from mmebench.spec import HuggingFaceModel, PlatformSpec, TimmModel
from support.platforms import served_as

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")]

KINDS = ("pt", "onnx", "openvino")
TOWER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
EYE = {**TOWER, "image_size": 32, "patch_size": 8}
FAMILIES: dict[str, dict[str, Any]] = {
    "vit": EYE,
    "clip": {"text_config": TOWER, "vision_config": EYE, "projection_dim": 16},
    "t5": {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4, "vocab_size": 99},
}
"""Of which one is exported as images are, one in half, and one without its decoder."""


def export(model: Model, folder: Path, **options: object) -> tuple[Export, PlatformSpec]:
    platform = served_as(options)
    return find_exporter(platform).export(model, platform, folder), platform


class Exports:
    """Exports that several tests look at, each made once."""

    def __init__(self, models: dict[str, Model], folder: Path) -> None:
        self.models, self.folder = models, folder
        self.made: dict[tuple[str, str, str], Export] = {}

    def get(self, which: str, kind: str, precision: str = "fp32") -> tuple[Export, PlatformSpec, Path]:
        key = which, kind, precision
        folder = self.folder / "-".join(key)
        platform = served_as({"kind": kind, "precision": precision})
        if key not in self.made:
            folder.mkdir()
            self.made[key] = find_exporter(platform).export(self.models[which], platform, folder)
        return self.made[key], platform, folder


class Shallow(torch.nn.Sequential):
    """Takes and gives what a ResNet does, and is exported in a third of the time."""

    def __init__(self) -> None:
        super().__init__(torch.nn.AvgPool2d(32), torch.nn.Flatten(), torch.nn.Linear(75, 1000))


@pytest.fixture(scope="module")
def shallow_model(image_model: Model) -> Model:
    return dataclasses.replace(image_model, module=Shallow().eval())


@pytest.fixture(scope="module")
def exports(image_model: Model, text_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return Exports({"image": image_model, "text": text_model}, tmp_path_factory.mktemp("exports"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("which", ["image", "text"])
def test_export_computes_the_same(kind: str, precision: str, which: str, exports: Exports) -> None:
    exported, platform, _ = exports.get(which, kind, precision)
    model = exports.models[which]
    parity = check_parity(exported, model.run, platform, model.max_sequence_length)
    assert parity.max_relative <= TOLERANCE[precision]
    if (kind, precision) == ("pt", "fp32"):
        assert parity.max_relative < 1e-6
    assert {shape[0] for shape in parity.shapes} == {1, 4, 8}
    if which == "text":
        assert {shape[1] for shape in parity.shapes} == {16, 40}  # 40 is the longest it takes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_models_of_transformers_of_other_kinds(kind: str, family: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": family, **FAMILIES[family]}))
    model = load_model(HuggingFaceModel(source="huggingface", name=str(tmp_path), weights="random"))
    assert isinstance(model, Model)
    exported, platform = export(model, tmp_path, kind=kind)
    assert check_parity(exported, model.run, platform, model.max_sequence_length).max_relative <= TOLERANCE["fp32"]


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_halves_the_files_and_keeps_requests(kind: str, exports: Exports) -> None:
    exported, _, folder = exports.get("image", kind, "fp16")
    model = exports.models["image"]
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert 2 <= size / model.parameters < 3
    (result,) = exported.run(example(model.inputs, 1, 1))
    assert result.dtype == np.float32
    assert exported.inputs[0].datatype == "FP32"
    assert next(model.module.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"),
    [
        ("pt", ["INPUT__0", "INPUT__1", "INPUT__2"], ["OUTPUT__0", "OUTPUT__1"]),
        ("onnx", ["input_ids", "attention_mask", "token_type_ids"], ["last_hidden_state", "pooler_output"]),
        ("openvino", ["input_ids", "attention_mask", "token_type_ids"], ["last_hidden_state", "pooler_output"]),
    ],
)
def test_names(kind: str, inputs: list[str], outputs: list[str], exports: Exports) -> None:
    exported, _, folder = exports.get("text", kind)
    assert [tensor.name for tensor in exported.inputs] == inputs
    assert [tensor.name for tensor in exported.outputs] == outputs
    if kind == "onnx":
        graph = onnx.load(folder / "model.onnx").graph
        assert [node.name for node in graph.input] == inputs
        assert [node.name for node in graph.output] == outputs
    if kind == "openvino":
        from mmebench.silent_openvino import openvino

        read = openvino.Core().read_model(folder / "model.xml")
        assert [port.any_name for port in read.inputs] == inputs
        assert [port.any_name for port in read.outputs] == outputs


@pytest.mark.parametrize("kind", KINDS)
def test_without_batching_the_shape_is_whole(
    kind: str, shallow_model: Model, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    exported, platform = export(shallow_model, tmp_path, kind=kind, max_batch_size=0, dynamic_batching=None)
    assert capfd.readouterr() == ("", ""), "an export is quiet"
    assert exported.inputs[0].shape == (1, 3, 160, 160)
    assert exported.outputs[0].shape == (1, 1000)
    parity = check_parity(exported, shallow_model.run, platform, None)
    assert parity.shapes == ((1, 3, 160, 160),)


def test_a_trace_creates_tensors_where_its_inputs_are(exports: Exports) -> None:
    *_, folder = exports.get("text", "pt")
    graph = torch.jit.load(folder / "model.pt").inlined_graph
    constants = [str(node.output().type()) for node in graph.findAllNodes("prim::Constant")]
    assert constants
    assert "Device" not in constants
    assert len(graph.findAllNodes("prim::device")) == 1


def test_the_opset_is_what_the_file_says(exports: Exports) -> None:
    exported, _, folder = exports.get("image", "onnx")
    (entry,) = (entry for entry in onnx.load(folder / "model.onnx").opset_import if not entry.domain)
    assert exported.details["opset"] == entry.version


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_large_weights_lie_beside_the_model(
    precision: str, shallow_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmebench.models.platforms.onnx.LARGE", 100_000)
    exported, platform = export(shallow_model, tmp_path, kind="onnx", precision=precision)
    assert {file.name for file in tmp_path.iterdir()} == {"model.onnx", "model.onnx.data"}
    check_parity(exported, shallow_model.run, platform, None)


def test_a_wrong_export_is_refused_with_figures(exports: Exports, image_model: Model) -> None:
    exported, platform, _ = exports.get("image", "pt")

    def off(arrays: Sequence[Array]) -> list[Array]:
        return [result * 1.001 for result in image_model.run(arrays)]

    with pytest.raises(
        MmebenchError, match=r"differs from PyTorch by .*, 0\.00\d+ of the largest output; allowed"
    ):
        check_parity(exported, off, platform, None)


def test_not_a_number_is_not_the_same(exports: Exports, image_model: Model) -> None:
    exported, platform, _ = exports.get("image", "pt")
    with pytest.raises(MmebenchError, match="differs from PyTorch by inf"):
        check_parity(exported, lambda arrays: [image_model.run(arrays)[0] * np.nan], platform, None)


def test_another_shape_is_not_the_same(exports: Exports, image_model: Model) -> None:
    exported, platform, _ = exports.get("image", "pt")
    with pytest.raises(MmebenchError, match=r"has shape \(1, 1000\) where PyTorch gives \(1, 10\)"):
        check_parity(exported, lambda arrays: [image_model.run(arrays)[0][:, :10]], platform, None)


class NoExport(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("this layer has no export")


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_export_says_why(
    kind: str, image_model: Model, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = dataclasses.replace(image_model, module=NoExport())
    with pytest.raises(MmebenchError, match=r"test_resnet: export to \w+ failed") as caught:
        export(broken, tmp_path, kind=kind)
    assert caught.value.__cause__ is not None
    assert not isinstance(caught.value, BadInputError)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
@pytest.mark.parametrize("kind", ["pt", "onnx"])
def test_a_disk_that_fills_up_is_named(kind: str, shallow_model: Model, tmp_path: Path) -> None:
    (tmp_path / f"model.{kind}").symlink_to("/dev/full")
    with pytest.raises(MmebenchError, match="the disk is full"), disk_errors(tmp_path):
        export(shallow_model, tmp_path, kind=kind)


def test_tensorrt_says_what_it_needs() -> None:
    model = TimmModel(source="timm", name="test_resnet")
    with pytest.raises(BadInputError, match=r"which no export can make; mmebench run has it built"):
        find_exporter(served_as("trt")).check(model, served_as("trt"))
