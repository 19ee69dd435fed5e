"""What Triton's model configuration says to a backend, and what no backend of ours can do."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AOTI = "torch_aoti"
"""What configurations call AOTInductor: to NVIDIA's Triton a platform of ``pytorch``, here its own backend."""
MODEL_FILES = {"onnxruntime": "model.onnx", "pytorch": "model.pt", "openvino": "model.xml", AOTI: "model.pt2"}
"""Each backend's default model file, as Triton's own backends have it."""

PLATFORMS = {"onnxruntime_onnx": "onnxruntime", "pytorch_libtorch": "pytorch", AOTI: AOTI}
"""Backends by what a configuration may call them instead."""
_NUMBERS = {
    f"TYPE_{name}" for name in ("BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64")
}
_WIDE = {"TYPE_UINT16", "TYPE_UINT32", "TYPE_UINT64"}
_DATATYPES = {
    "onnxruntime": _NUMBERS | _WIDE | {"TYPE_STRING"},
    "pytorch": _NUMBERS,
    AOTI: _NUMBERS,
    "openvino": _NUMBERS | _WIDE,
}


@dataclass(frozen=True)
class TensorOptions:
    """One input or output of the configuration."""

    name: str
    datatype: str
    """``TYPE_FP32`` and so on."""
    optional: bool = False
    """Whether a request may leave it out."""


@dataclass(frozen=True)
class ModelOptions:
    """What a backend needs to know to open a model."""

    backend: str
    path: Path
    inputs: tuple[TensorOptions, ...]
    outputs: tuple[TensorOptions, ...]
    device: int | None
    """Number of the GPU, or None for the CPU."""
    threads: int
    """Threads inside one inference."""
    shrinks: bool = False
    """Whether memory of a GPU that an inference leaves unused is given back after it."""
    stays_on_gpu: bool = False
    """Whether outputs are left on the GPU, for the next model of an ensemble; PyTorch only."""


def backend_name(config: dict[str, Any]) -> str:
    """``onnxruntime``, ``pytorch``, ``openvino``, ``python``, …: what the configuration asks for."""
    return str(config.get("backend") or PLATFORMS.get(config.get("platform", ""), config.get("platform", "")))


def model_options(config: dict[str, Any], version: Path, device: int | None) -> ModelOptions:
    """The options of the model in the folder ``version``, from Triton's model configuration as a dictionary.

    Raises:
        FileNotFoundError: the configuration's model file is not there.
        ValueError: the configuration asks for what the backends here cannot do; they would answer wrongly.
    """
    backend = backend_name(config)
    refuse_sequences(config)
    _refuse_ragged(config)
    path = version / (config.get("default_model_filename") or MODEL_FILES[backend])
    if not path.is_file():
        found = ", ".join(sorted(entry.name for entry in version.iterdir())) or "nothing"
        raise FileNotFoundError(f"no model file {version.name}/{path.name}; the folder holds {found}")
    parameters = {key.lower(): value["string_value"] for key, value in config.get("parameters", {}).items()}
    return ModelOptions(
        backend,
        path,
        _tensors(backend, "input", config.get("input", ())),
        _tensors(backend, "output", config.get("output", ())),
        device,
        int(parameters.get("intra_op_thread_count", 0)) or int(os.environ.get("MMEBENCH_THREADS", "1")),
        # As Triton's own backends are told: PyTorch's for TorchScript and for AOTInductor, and ONNX Runtime's.
        parameters.get("enable_cache_cleaning", "").lower() == "true"
        or parameters.get("cache_cleaning_enabled", "").lower() == "true"
        or "gpu:" in parameters.get("memory.enable_memory_arena_shrinkage", ""),
        _stays_on_gpu(parameters, device),
    )


def _stays_on_gpu(parameters: dict[str, str], device: int | None) -> bool:
    """As Triton's Python backend is told that inputs may come on the GPU; outputs then stay there, too."""
    return device is not None and parameters.get("force_cpu_only_input_tensors", "").lower() == "no"


def no_gpu(options: ModelOptions, found: str, install: str) -> ValueError:
    """Why a model is not opened that is to run on a GPU: it would run on the CPU without a word.

    Args:
        options: of the model.
        found: what is there instead.
        install: what brings it.
    """
    return ValueError(
        f"its configuration asks for GPU {options.device}, and {found}; install {install}, or ask for the CPU "
        "(device: cpu in a spec, KIND_CPU in config.pbtxt)"
    )


def check_count(kind: str, configured: int, present: int) -> None:
    """Refuse, as Triton's backends do, a configuration with more or fewer tensors than the model has."""
    if configured != present:
        raise ValueError(f"config.pbtxt has {configured} {kind}s; the model has {present}")


def check_datatype(kind: str, tensor: TensorOptions, found: str) -> None:
    """Refuse, as Triton's backends do, a tensor of another type than the configuration says."""
    if tensor.datatype != found:
        raise ValueError(
            f"config.pbtxt says that {kind} {tensor.name} is {tensor.datatype}; the model has {found}"
        )


def refuse_sequences(config: dict[str, Any]) -> None:
    """Triton's own backends take requests in sequences; these do not."""
    if "sequence_batching" in config:
        raise ValueError("sequence_batching is not served here; only backend python on Triton has it")


def _refuse_ragged(config: dict[str, Any]) -> None:
    ragged = [item["name"] for item in config.get("input", ()) if item.get("allow_ragged_batch")]
    found = [*(name for name in ("batch_input", "batch_output") if config.get(name)), *ragged]
    if found:
        raise ValueError(f"ragged batches ({', '.join(found)}) are not served here; only backend python has them")


def _tensors(backend: str, kind: str, items: Iterable[dict[str, Any]]) -> tuple[TensorOptions, ...]:
    tensors = tuple(
        TensorOptions(item["name"], item["data_type"], bool(item.get("optional", False))) for item in items
    )
    for tensor in tensors:
        if tensor.datatype not in _DATATYPES[backend]:
            known = ", ".join(sorted(_DATATYPES[backend]))
            raise ValueError(
                f"{kind} {tensor.name} is {tensor.datatype}, which {backend} does not take here; it takes {known}"
            )
        if tensor.optional and backend != "onnxruntime":
            raise ValueError(f"{kind} {tensor.name} is optional; {backend} takes all of its inputs, always")
    return tensors
