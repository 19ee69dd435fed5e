"""OpenVINO, on the CPU."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmebench.server.backends.describe import Described
from mmebench.server.backends.inference import Array, Infer
from mmebench.server.backends.inference.options import ModelOptions, TensorOptions, check_count, check_datatype
from mmebench.silent_openvino import openvino

DATATYPES = {
    "boolean": "TYPE_BOOL", "u8": "TYPE_UINT8", "u16": "TYPE_UINT16", "u32": "TYPE_UINT32", "u64": "TYPE_UINT64",
    "i8": "TYPE_INT8", "i16": "TYPE_INT16", "i32": "TYPE_INT32", "i64": "TYPE_INT64", "f16": "TYPE_FP16",
    "f32": "TYPE_FP32", "f64": "TYPE_FP64",
}  # fmt: skip


def open_model(options: ModelOptions) -> Infer:
    """The OpenVINO IR (or ONNX) model, compiled for this CPU."""
    if options.device is not None:
        raise ValueError("its configuration asks for a GPU, and OpenVINO runs on the CPU here: say KIND_CPU")
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": 1}
    # OpenVINO picks bf16 by itself where the CPU has it; the archive says what precision it wants.
    model = core.compile_model(
        core.read_model(options.path), "CPU", settings | {"INFERENCE_PRECISION_HINT": "f32"}
    )
    _check("input", options.inputs, model.inputs)
    _check("output", options.outputs, model.outputs)
    check_count("input", len(options.inputs), len(model.inputs))
    request = model.create_infer_request()
    outputs = [tensor.name for tensor in options.outputs]

    def infer(arrays: Mapping[str, Array]) -> list[Array]:
        request.infer(dict(arrays))
        return [request.get_tensor(name).data.copy() for name in outputs]

    return infer


def describe(path: Path) -> tuple[list[Described], list[Described]]:
    """Inputs and outputs of the model in ``path``."""
    model = openvino.Core().read_model(path)
    return list(map(_described, model.inputs)), list(map(_described, model.outputs))


def _described(port: Any) -> Described:
    found = port.get_element_type().get_type_name()
    if found not in DATATYPES or not port.get_partial_shape().rank.is_static:
        raise ValueError(f"{port.get_any_name()} is {found} {port.get_partial_shape()}, which cannot be served")
    shape = [size.get_length() if size.is_static else -1 for size in port.get_partial_shape()]
    return port.get_any_name(), DATATYPES[found], shape


def _check(kind: str, configured: Sequence[TensorOptions], ports: Sequence[Any]) -> None:
    present = {name: port for port in ports for name in port.get_names()}
    unknown = sorted({tensor.name for tensor in configured} - set(present))
    if unknown:
        names = ", ".join(port.get_any_name() for port in ports if port.get_names()) or "tensors without names"
        raise ValueError(f"config.pbtxt names {kind} {', '.join(unknown)}; the model has {names}")
    for tensor in configured:
        found = present[tensor.name].get_element_type().get_type_name()
        check_datatype(kind, tensor, DATATYPES.get(found, found))
