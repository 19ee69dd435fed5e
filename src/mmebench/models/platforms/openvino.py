"""OpenVINO's intermediate representation, for Triton's OpenVINO backend."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import Array
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms.export import Export, Run, check_form, exporting, served, trace_example
from mmebench.silent_openvino import openvino
from mmebench.spec import ModelSource, PlatformSpec

_FILE = "model.xml"
"""``model.bin`` beside it holds the weights."""


def check(model: ModelSource, platform: PlatformSpec) -> None:
    """Refuse files other than ONNX and ready archives."""
    check_form(model, platform, (".onnx", ".tar.gz"))


def export(model: Model, platform: PlatformSpec, folder: Path) -> Export:
    """Convert ``model`` from PyTorch to ``model.xml`` and ``model.bin``; batch and sequence length stay free."""
    inputs, outputs = served(model.inputs, platform), served(model.outputs, platform)
    with exporting(f"{model.name}: export to OpenVINO"):
        with model.attention_written_out():  # its own gives NaN for a row that is masked whole, and passes it on
            converted = openvino.convert_model(model.module, example_input=trace_example(model, platform))
        _name(converted, model.inputs, model.outputs)
        _write(converted, inputs, platform, folder)
        run = _runner(folder / _FILE, inputs, outputs)
    return Export(inputs, outputs, run, model.run, {"weights_precision": platform.precision})


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> Export:
    """Convert the user's ONNX file; ONNX Runtime is what the result must agree with."""
    from mmebench.models.platforms import onnx

    onnx.check_file(file, platform)
    with exporting(f"{file.path.name}: conversion to OpenVINO"):
        _write(openvino.convert_model(file.path), file.inputs, platform, folder)
        run = _runner(folder / _FILE, file.inputs, file.outputs)
        reference = onnx.runner(file.path, file.inputs, file.outputs)
    return Export(file.inputs, file.outputs, run, reference, {"weights_precision": platform.precision})


def _name(converted: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """Give the tensors their names, in place; Triton refuses outputs without one, and conversion gives none."""
    for ports, tensors in ((converted.inputs, inputs), (converted.outputs, outputs)):
        for port, tensor in zip(ports, tensors, strict=True):
            port.get_tensor().set_names({tensor.name})


def _write(converted: Any, inputs: Sequence[TensorSpec], platform: PlatformSpec, folder: Path) -> None:
    batch = [-1] if platform.max_batch_size > 0 else []
    converted.reshape({tensor.name: openvino.PartialShape([*batch, *tensor.shape]) for tensor in inputs})
    openvino.save_model(converted, folder / _FILE, compress_to_fp16=platform.precision == "fp16")


def _runner(path: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Run:
    # On processors with bfloat16, OpenVINO uses it unless told; what is compared is the export, not that choice.
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(arrays: Sequence[Array]) -> list[Array]:
        result = compiled({tensor.name: array for tensor, array in zip(inputs, arrays, strict=True)})
        return [result[tensor.name] for tensor in outputs]

    return run
