"""ONNX by torch.export, for Triton's ONNX Runtime backend."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from mmebench.errors import BadInputError, MmebenchError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import Array, example
from mmebench.models.external_data import external_files
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms.export import (
    LARGE,
    WHOLE,
    Export,
    Run,
    check_form,
    dynamic_shapes,
    exporting,
    served,
    trace_example,
)
from mmebench.spec import ModelSource, PlatformSpec

_FILE = "model.onnx"
_DATA = "model.onnx.data"
"""Where large weights are, beside the model; the model stores this name, so it must stay."""

_DATATYPES = {
    "tensor(bool)": "BOOL", "tensor(uint8)": "UINT8", "tensor(int8)": "INT8", "tensor(int16)": "INT16",
    "tensor(int32)": "INT32", "tensor(int64)": "INT64", "tensor(float16)": "FP16", "tensor(float)": "FP32",
    "tensor(double)": "FP64", "tensor(string)": "BYTES",
}  # fmt: skip


def check(model: ModelSource, platform: PlatformSpec) -> None:
    """Refuse files other than ONNX and ready archives."""
    check_form(model, platform, (".onnx", ".tar.gz"))


def export(model: Model, platform: PlatformSpec, folder: Path) -> Export:
    """Write ``model.onnx``, and ``model.onnx.data`` for large weights; batch and sequence length stay free."""
    import torch

    with exporting(f"{model.name}: export to ONNX"), model.attention_written_out():
        torch.onnx.export(
            model.module,
            trace_example(model, platform),
            folder / _FILE,
            input_names=[tensor.name for tensor in model.inputs],
            output_names=[tensor.name for tensor in model.outputs],
            dynamic_shapes=dynamic_shapes(model, platform),
            dynamo=True,
            external_data=4 * model.parameters > LARGE,
            verbose=False,
        )
        if platform.precision == "fp16":
            _halve(folder / _FILE, folder / _FILE)
        details = _describe(folder / _FILE)
        run = runner(folder / _FILE, model.inputs, model.outputs)
    return Export(served(model.inputs, platform), served(model.outputs, platform), run, model.run, details)


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> Export:
    """Copy the user's ONNX file, with its external data, if its inputs and outputs are what the spec says."""
    check_file(file, platform)
    halve = platform.precision == "fp16"
    with exporting(f"{file.path.name}: {'conversion to 16 bits' if halve else 'reading it'}"):
        if halve:
            reference = runner(file.path, file.inputs, file.outputs)
            _halve(file.path, folder / _FILE)
        else:
            reference = None
            shutil.copyfile(file.path, folder / _FILE)
            for name in external_files(file.path):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.path.parent / name, folder / name)
        details = _describe(folder / _FILE)
        run = runner(folder / _FILE, file.inputs, file.outputs)
    return Export(file.inputs, file.outputs, run, reference, details)


def check_file(file: ModelFile, platform: PlatformSpec) -> None:
    """Compare the user's ONNX file with the inputs and outputs that the spec names, and try it with two rows.

    Raises:
        BadInputError: it cannot be read, a name, datatype or shape differs, or it takes no batches and should.
    """
    try:
        with exporting(f"{file.path}: reading it"):
            session = onnxruntime.InferenceSession(file.path, providers=["CPUExecutionProvider"])
    except MmebenchError as error:
        raise BadInputError(f"{error}; give an ONNX file that ONNX Runtime loads") from error
    batched = platform.max_batch_size > 0
    for role, tensors, nodes in (
        ("input", file.inputs, session.get_inputs()),
        ("output", file.outputs, session.get_outputs()),
    ):
        found = {node.name: node for node in nodes}
        shown = ", ".join(f"{node.name} {_DATATYPES.get(node.type, node.type)} {node.shape}" for node in nodes)
        for tensor in tensors:
            if tensor.name not in found or not _fits(tensor, found[tensor.name], batched):
                raise BadInputError(
                    f"{file.path.name} has no {role} {tensor.name} {tensor.datatype} {list(tensor.shape)}; "
                    f"its {role}s are {shown}" + (", batch first" if batched else "")
                )
            fixed = found[tensor.name].shape[0] if batched else None
            if isinstance(fixed, int):
                raise BadInputError(
                    f"{file.path.name}: the batch is fixed at {fixed} in {role} {tensor.name} "
                    f"{found[tensor.name].shape}; {WHOLE}"
                )
        if role == "input" and len(found) > len(tensors):
            missing = ", ".join(sorted(found.keys() - {tensor.name for tensor in tensors}))
            raise BadInputError(f"{file.path.name}: model.inputs leaves out {missing}; its inputs are {shown}")
    if batched and all(tensor.datatype != "BYTES" for tensor in file.inputs):
        _try_two_rows(session, file)


def _try_two_rows(session: Any, file: ModelFile) -> None:
    """A dimension may be free by its description, and fixed by what is computed."""
    arrays = example(file.inputs, 2, file.sequence_length)
    fed = {tensor.name: array for tensor, array in zip(file.inputs, arrays, strict=True)}
    try:
        with exporting(f"{file.path.name}: running it on two rows"):
            results = session.run([tensor.name for tensor in file.outputs], fed)
    except MmebenchError as error:
        raise BadInputError(f"{error}; where it takes no batches, {WHOLE}") from error
    for tensor, result in zip(file.outputs, results, strict=True):
        if result.shape[:1] != (2,):
            raise BadInputError(
                f"{file.path.name}: for a batch of 2 it gives {tensor.name} {list(result.shape)}; {WHOLE}"
            )


def runner(path: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> Run:
    """The ONNX model in ``path`` on ONNX Runtime's CPU provider, as a function of these inputs of it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    taken = [tensor.name for tensor in inputs]
    given = [tensor.name for tensor in outputs]

    def run(arrays: Sequence[Array]) -> list[Array]:
        results: list[Array] = session.run(given, dict(zip(taken, arrays, strict=True)))
        return results

    return run


def _fits(tensor: TensorSpec, node: Any, batched: bool) -> bool:
    shape = node.shape[1:] if batched else node.shape
    return (
        _DATATYPES.get(node.type) == tensor.datatype
        and len(shape) == len(tensor.shape)
        # A dimension that varies has a name, or None, where others have a number.
        and all(
            theirs == ours or not isinstance(theirs, int) for theirs, ours in zip(shape, tensor.shape, strict=True)
        )
    )


def _halve(path: Path, halved: Path) -> None:
    """Write ``halved``, ``path`` with weights and arithmetic in 16 bits; inputs and outputs keep their type."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(path), keep_io_types=True)
    (halved.parent / _DATA).unlink(missing_ok=True)  # onnx would append to it
    onnx.save(model, halved, save_as_external_data=model.ByteSize() > LARGE, location=_DATA)


def _describe(path: Path) -> dict[str, Any]:
    """What the file says of itself; the exporter does not always write the opset it was asked for."""
    model = onnx.load(path, load_external_data=False)
    opset = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    return {"opset": opset.pop("ai.onnx", None), "other_opsets": opset, "ir_version": model.ir_version}
