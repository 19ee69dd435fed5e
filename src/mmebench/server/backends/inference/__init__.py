"""From a model file to a function of arrays: the same code in Triton's stubs and in the Python fallback.

A backend is a module with one function, ``open_model(options) -> Infer``.
"""

import importlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from numpy.typing import NDArray

Array = NDArray[Any]
Infer = Callable[[Sequence[Array]], list[Array]]
"""Takes the inputs and gives the outputs in the order of the configuration; inputs are never written to."""

MODEL_FILES = {"onnxruntime": "model.onnx", "pytorch": "model.pt", "openvino": "model.xml"}
"""Each backend's default model file, as Triton's own backends have it."""

_PLATFORMS = {"onnxruntime_onnx": "onnxruntime", "pytorch_libtorch": "pytorch"}


@dataclass(frozen=True)
class ModelOptions:
    """What a backend needs to know to open a model."""

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    device: int | None
    """Number of the GPU, or None for the CPU."""
    threads: int
    """Threads inside one inference."""


class Backend(Protocol):
    """The interface of the modules beside this file."""

    def open_model(self, options: ModelOptions) -> Infer:
        """The model as a function; whatever the runtime raises for a broken file is passed on."""


def backend_name(config: dict[str, Any]) -> str:
    """``onnxruntime``, ``pytorch``, ``openvino``, ``python``, …: what the configuration asks for."""
    return str(config.get("backend") or _PLATFORMS.get(config.get("platform", ""), config.get("platform", "")))


def model_options(config: dict[str, Any], version: Path, device: int | None) -> ModelOptions:
    """The options of the model in the folder ``version``, from Triton's model configuration as a dictionary.

    Raises:
        FileNotFoundError: the configuration's model file is not there.
    """
    path = version / (config.get("default_model_filename") or MODEL_FILES[backend_name(config)])
    if not path.is_file():
        found = ", ".join(sorted(entry.name for entry in version.iterdir())) or "nothing"
        raise FileNotFoundError(f"no model file {version.name}/{path.name}; the folder holds {found}")
    parameters = {key.lower(): value["string_value"] for key, value in config.get("parameters", {}).items()}
    return ModelOptions(
        path,
        tuple(item["name"] for item in config.get("input", ())),
        tuple(item["name"] for item in config.get("output", ())),
        device,
        int(parameters.get("intra_op_thread_count", 0)) or int(os.environ.get("MMEBENCH_THREADS", "1")),
    )


def open_model(backend: str, options: ModelOptions) -> Infer:
    """The model as a function; whatever the runtime raises for a broken file is passed on."""
    module = cast(Backend, importlib.import_module(f"{__name__}.{backend}"))
    return module.open_model(options)


def positions(names: Sequence[str]) -> list[int]:
    """Where each tensor stands in a TorchScript signature: ``INPUT__1`` says 1; other names keep their order."""
    numbers = [re.search(r"__(\d+)$", name) for name in names]
    if all(numbers):
        return [int(number[1]) for number in numbers if number]
    return list(range(len(names)))
