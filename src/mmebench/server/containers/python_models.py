"""The models of the Python fallback: opened from Triton's model folders, all in one process."""

import ctypes
import gc
import importlib.util
import json
import os
import platform
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from mmebench.formats import triton_config
from mmebench.server.backends.inference import open_model
from mmebench.server.backends.inference.options import MODEL_FILES, backend_name, model_options, refuse_sequences
from mmebench.server.containers import python_backend_utils
from mmebench.server.containers.machine import proportional_bytes
from mmebench.server.containers.reshape import reshaped
from mmebench.server.containers.v2_codec import Array, InferRequest, check, encode

Run = Callable[[dict[str, Array]], dict[str, Array]]


@dataclass(frozen=True)
class Model:
    """A model in memory."""

    name: str
    config: dict[str, Any]
    run: Run
    memory: int
    """Bytes by which the process grew when it was loaded."""
    lock: threading.Lock
    """One execution at a time, as in one instance of Triton."""

    def infer(self, request: InferRequest) -> tuple[bytes, int | None]:
        """The answer's body and the length of its JSON part; raises whatever the runtime raises."""
        check(self.config, request.inputs)
        return encode(self.name, self.compute(request.inputs), request)

    def compute(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """The outputs for inputs that fit the configuration; raises whatever the runtime raises."""
        rows = self.config.get("max_batch_size", 0) > 0
        given = reshaped(inputs, self.config.get("input", ()), "dims", "reshape", rows)
        with self.lock:
            results = self.run(given)
        return reshaped(results, self.config.get("output", ()), "reshape", "dims", rows)


class Models:
    """What is loaded. Loads and unloads take turns, so that the growth of the process is that of one model."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._turn = threading.Lock()
        self.loaded: dict[str, Model] = {}

    def load(self, name: str) -> None:
        """Open the model in the folder ``name``; raises whatever is wrong with it."""
        with self._turn:
            if name in self.loaded:
                return
            before = proportional_bytes(os.getpid())
            folder = self._repository / name
            parsed = triton_config.parse((folder / "config.pbtxt").read_text(), "config.pbtxt")
            config = json_format.MessageToDict(parsed, preserving_proto_field_name=True)
            run = _open(name, config, _latest_version(folder))
            memory = max(0, proportional_bytes(os.getpid()) - before)
            self.loaded[name] = Model(name, config, run, memory, threading.Lock())

    def unload(self, name: str) -> None:
        """Drop a model and give its memory back."""
        with self._turn:
            self.loaded.pop(name, None)
            gc.collect()
            if platform.libc_ver()[0] == "glibc":
                ctypes.CDLL(None).malloc_trim(0)


def _latest_version(folder: Path) -> Path:
    versions = [path for path in folder.iterdir() if path.name.isdigit()]
    return max(versions, key=lambda path: int(path.name))


def _open(name: str, config: dict[str, Any], version: Path) -> Run:
    backend = backend_name(config)
    refuse_sequences(config)
    if backend == "python":
        return _open_python_model(name, config, version)
    if backend not in MODEL_FILES:
        known = ", ".join([*MODEL_FILES, "python"])
        raise ValueError(f"the Python fallback has no backend {backend!r}; it has {known}")
    options = model_options(config, version, device=None)
    infer = open_model(options)
    names = [tensor.name for tensor in options.outputs]

    def run(inputs: dict[str, Array]) -> dict[str, Array]:
        return dict(zip(names, infer(inputs), strict=True))

    return run


def _open_python_model(name: str, config: dict[str, Any], version: Path) -> Run:
    """A model.py, with our stand-in for the module that Triton gives it."""
    sys.modules.setdefault("triton_python_backend_utils", python_backend_utils)
    path = version / (config.get("default_model_filename") or "model.py")
    specification = importlib.util.spec_from_file_location(f"model_{name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    model = module.TritonPythonModel()
    if hasattr(model, "initialize"):
        model.initialize(
            {
                "model_config": json.dumps(config),
                "model_name": name,
                "model_repository": str(version.parent),
                "model_version": version.name,
                "model_instance_name": f"{name}_0",
                "model_instance_kind": "CPU",
                "model_instance_device_id": "0",
            }
        )

    def run(inputs: dict[str, Array]) -> dict[str, Array]:
        (response,) = model.execute([python_backend_utils.InferenceRequest(inputs)])
        if response.error() is not None:
            raise RuntimeError(response.error().message())
        return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}

    return run
