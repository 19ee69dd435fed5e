"""ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from mmebench.server.backends.describe import Described
from mmebench.server.backends.inference import Array, Infer
from mmebench.server.backends.inference.options import (
    ModelOptions,
    TensorOptions,
    check_count,
    check_datatype,
    no_gpu,
)
from mmebench.server.backends.inference.strings import to_bytes, to_text

DATATYPES = {
    "tensor(bool)": "TYPE_BOOL", "tensor(uint8)": "TYPE_UINT8", "tensor(uint16)": "TYPE_UINT16",
    "tensor(uint32)": "TYPE_UINT32", "tensor(uint64)": "TYPE_UINT64", "tensor(int8)": "TYPE_INT8",
    "tensor(int16)": "TYPE_INT16", "tensor(int32)": "TYPE_INT32", "tensor(int64)": "TYPE_INT64",
    "tensor(float16)": "TYPE_FP16", "tensor(float)": "TYPE_FP32", "tensor(double)": "TYPE_FP64",
    "tensor(string)": "TYPE_STRING",
}  # fmt: skip


_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_INSTALL = "'mmebench[gpu]', which brings onnxruntime-gpu, in place of onnxruntime"


def open_model(options: ModelOptions) -> Infer:
    """The ONNX model, on the CPU or by the CUDA provider on the GPU ``options.device``.

    Raises:
        ValueError: it is to run on a GPU that this ONNX Runtime cannot use, or does not fit its configuration.
    """
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    # A thread that waits for work must not burn the core that another target needs.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(options.path), settings, providers=_providers(options))
    if options.device is not None and session.get_providers()[0] != _CUDA:
        # It says so in its log only, and runs on the CPU.
        raise no_gpu(options, f"ONNX Runtime {onnxruntime.__version__} cannot load its CUDA provider", _INSTALL)
    _check("input", options.inputs, session.get_inputs())
    _check("output", options.outputs, session.get_outputs())
    check_count("input", len(options.inputs), len(session.get_inputs()))
    outputs = [tensor.name for tensor in options.outputs]
    texts = {tensor.name for tensor in options.inputs if tensor.datatype == "TYPE_STRING"}
    run = onnxruntime.RunOptions()
    if options.shrinks and options.device is not None:
        run.add_run_config_entry("memory.enable_memory_arena_shrinkage", f"gpu:{options.device}")
    text_places = [place for place, tensor in enumerate(options.outputs) if tensor.datatype == "TYPE_STRING"]

    def infer(arrays: Mapping[str, Array]) -> list[Array]:
        if texts:
            arrays = {name: to_text(array) if name in texts else array for name, array in arrays.items()}
        found: list[Array] = session.run(outputs, arrays, run)
        for place in text_places:
            found[place] = to_bytes(found[place])
        return found

    return infer


def describe(path: Path) -> tuple[list[Described], list[Described]]:
    """Inputs and outputs of the ONNX model in ``path``."""
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return list(map(_described, session.get_inputs())), list(map(_described, session.get_outputs()))


def _described(node: Any) -> Described:
    if node.type not in DATATYPES:
        raise ValueError(f"{node.name} is {node.type}, which is no tensor that can be served")
    return node.name, DATATYPES[node.type], [size if isinstance(size, int) else -1 for size in node.shape]


def _providers(options: ModelOptions) -> list[str | tuple[str, dict[str, str]]]:
    if options.device is None:
        return [_CPU]
    if _CUDA not in onnxruntime.get_available_providers():
        raise no_gpu(options, f"ONNX Runtime {onnxruntime.__version__} has no CUDA provider", _INSTALL)
    onnxruntime.preload_dlls()  # CUDA and cuDNN where pip has put them
    # Grown to the power of two, as by default, the arena would take up to twice what the model needs.
    return [(_CUDA, {"device_id": str(options.device), "arena_extend_strategy": "kSameAsRequested"}), _CPU]


def _check(kind: str, configured: Sequence[TensorOptions], nodes: Sequence[Any]) -> None:
    present = {node.name: DATATYPES.get(node.type, node.type) for node in nodes}
    unknown = sorted({tensor.name for tensor in configured} - set(present))
    if unknown:
        raise ValueError(f"config.pbtxt names {kind} {', '.join(unknown)}; the model has {', '.join(present)}")
    for tensor in configured:
        check_datatype(kind, tensor, present[tensor.name])
