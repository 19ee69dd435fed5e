"""The models of the Python fallback: opened from Triton's model folders, all in one process."""

import contextlib
import ctypes
import gc
import importlib.util
import json
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from mmebench.formats import triton_config
from mmebench.server.backends.inference import open_model
from mmebench.server.backends.inference.options import MODEL_FILES, backend_name, model_options, refuse_sequences
from mmebench.server.containers import ensemble, python_backend_utils
from mmebench.server.containers.machine import proportional_bytes
from mmebench.server.containers.reshape import reshaped
from mmebench.server.containers.v2_codec import Array, InferRequest, check, encode

Run = Callable[[dict[str, Array]], dict[str, Array]]


@dataclass
class Model:
    """A model in memory."""

    name: str
    config: dict[str, Any]
    run: Run
    memory: int = 0
    """Bytes by which the process grew when it was loaded."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """One execution at a time, as in one instance of Triton."""
    close: Callable[[], None] = lambda: None
    """Called when nobody will ask it any more."""

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
            model = _open_model(self._repository / name)
            model.memory = max(0, proportional_bytes(os.getpid()) - before)
            self.loaded[name] = model

    def unload(self, name: str) -> None:
        """Drop a model and give its memory back."""
        with self._turn:
            model = self.loaded.pop(name, None)
            if model is not None:
                with model.lock:  # the last execution is over
                    model.close()
            del model
            gc.collect()
            if platform.libc_ver()[0] == "glibc":
                ctypes.CDLL(None).malloc_trim(0)


def _open_model(folder: Path) -> Model:
    """The model in a folder of the repository."""
    parsed = triton_config.read(folder / "config.pbtxt", "config.pbtxt")
    config = json_format.MessageToDict(parsed, preserving_proto_field_name=True)
    backend = backend_name(config)
    refuse_sequences(config)
    if backend == ensemble.PLATFORM:
        return _open_ensemble(folder, config)
    version = _latest_version(folder)
    if backend == "python":
        return _open_python_model(folder.name, config, version)
    if backend not in MODEL_FILES:
        known = ", ".join([*MODEL_FILES, "python", ensemble.PLATFORM])
        raise ValueError(f"the Python fallback has no backend {backend!r}; it has {known}")
    return Model(folder.name, config, _open(config, version))


def _open_ensemble(folder: Path, config: dict[str, Any]) -> Model:
    """Its steps, each as soon as there is what it takes; the members are its own."""
    scheduling = config["ensemble_scheduling"]["step"]
    steps = [(step, _open_model(folder.with_name(step["model_name"]))) for step in scheduling]

    def run(inputs: dict[str, Array]) -> dict[str, Array]:
        tensors, waiting = dict(inputs), list(steps)
        while waiting:
            ready = [pair for pair in waiting if set(pair[0]["input_map"].values()) <= set(tensors)]
            if not ready:
                names = ", ".join(step["model_name"] for step, _ in waiting)
                raise ValueError(f"the steps of {names} wait for tensors that no other step gives")
            for step, member in ready:
                given = {name: tensors[source] for name, source in step["input_map"].items()}
                results = member.compute(given)
                tensors |= {source: results[name] for name, source in step["output_map"].items()}
                waiting.remove((step, member))
        return {item["name"]: tensors[item["name"]] for item in config["output"]}

    def close() -> None:
        for _, member in steps:
            member.close()

    return Model(folder.name, config, run, close=close)


def _gpu(config: dict[str, Any]) -> int | None:
    """The GPU that the configuration names; the instance that there is here runs on the first."""
    groups = config.get("instance_group", ())
    return next(
        (group["gpus"][0] for group in groups if group.get("kind") == "KIND_GPU" and group.get("gpus")), None
    )


def _latest_version(folder: Path) -> Path:
    versions = [path for path in folder.iterdir() if path.name.isdigit()]
    return max(versions, key=lambda path: int(path.name))


def _open(config: dict[str, Any], version: Path) -> Run:
    """A model of one of the runtimes."""
    options = model_options(config, version, _gpu(config))
    infer = open_model(options)
    names = [tensor.name for tensor in options.outputs]

    def run(inputs: dict[str, Array]) -> dict[str, Array]:
        return dict(zip(names, infer(inputs), strict=True))

    return run


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Let a model import what lies beside it, which another model must not find under the same name."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                del sys.modules[name]


def _open_python_model(name: str, config: dict[str, Any], version: Path) -> Model:
    """A model.py, with our stand-in for the module that Triton gives it."""
    sys.modules.setdefault("triton_python_backend_utils", python_backend_utils)
    path = version / (config.get("default_model_filename") or "model.py")
    specification = importlib.util.spec_from_file_location(f"model_{name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with _beside(version):
        specification.loader.exec_module(module)
    model = module.TritonPythonModel()
    outputs = [item["name"] for item in config.get("output", ())]
    gpu = _gpu(config)
    if hasattr(model, "initialize"):
        model.initialize(
            {
                "model_config": json.dumps(config),
                "model_name": name,
                "model_repository": str(version.parent),
                "model_version": version.name,
                "model_instance_name": f"{name}_0",
                "model_instance_kind": "CPU" if gpu is None else "GPU",
                "model_instance_device_id": str(gpu or 0),
            }
        )

    def run(inputs: dict[str, Array]) -> dict[str, Array]:
        (response,) = model.execute([python_backend_utils.InferenceRequest(inputs, outputs)])
        if response.error() is not None:
            raise RuntimeError(response.error().message())
        return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}

    return Model(name, config, run, close=getattr(model, "finalize", lambda: None))
