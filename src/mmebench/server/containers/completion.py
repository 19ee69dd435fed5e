"""What a config.pbtxt leaves out, from the model itself, as Triton completes it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmebench.errors import BadInputError
from mmebench.formats.triton_config import ModelConfig, served_by
from mmebench.server.backends.inference.options import AOTI, MODEL_FILES, PLATFORMS

_SERVERS = {file: backend for backend, file in MODEL_FILES.items()} | {
    "model.py": "python",
    "model.plan": "tensorrt",
}
_DESCRIBED = ("onnxruntime", "openvino")
_SILENT = ("pytorch", AOTI)
_BATCH = 4
"""Triton's default for a model that can be given several rows."""
_SECONDS = 360
"""As long as a load may take."""


def complete(config: ModelConfig, folder: Path) -> bool:
    """Add the backend, and for ONNX and OpenVINO inputs, outputs and batching, where ``config`` has none.

    A platform that the Triton here is too old for becomes the backend that stands for it.

    Args:
        config: of the model in ``folder``; changed.
        folder: with its version folders.

    Returns:
        Whether anything was added.

    Raises:
        BadInputError: there is something to be completed, and the model does not say it.
    """
    version = max((path for path in folder.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    _stand_in_for_aoti(config)
    named = config.backend or config.platform
    if not named:
        config.backend = next((server for file, server in _SERVERS.items() if (version / file).exists()), "")
    missing = [role for role in ("input", "output") if not getattr(config, role)]
    server = served_by(config)
    backend = PLATFORMS.get(server, server)
    if not missing or backend not in (*_SILENT, *_DESCRIBED):
        return not named and bool(config.backend)
    if backend in _SILENT:
        raise BadInputError(f"it has no {missing[0]}, and models of PyTorch do not tell theirs; name them all")
    described = _describe(backend, version / (config.default_model_filename or MODEL_FILES[backend]))
    batched = all(shape[:1] == [-1] for tensors in described.values() for _, _, shape in tensors)
    if config.max_batch_size and not batched:
        raise BadInputError(f"max_batch_size is {config.max_batch_size}, and the model's own batch is fixed")
    if batched and not config.max_batch_size and len(missing) == 2:
        config.max_batch_size = _BATCH
        if config.WhichOneof("scheduling_choice") is None:
            config.dynamic_batching.SetInParent()
    for role in missing:
        for name, datatype, shape in described[role]:
            _add(getattr(config, role).add(), name, datatype, shape[1:] if config.max_batch_size else shape)
    return True


def _stand_in_for_aoti(config: ModelConfig) -> None:
    """Triton has AOTInductor as a platform of its PyTorch backend since 26.03; the one here refuses the pair."""
    if config.backend == AOTI:
        raise BadInputError(f'backend is {AOTI}; write backend: "pytorch" and platform: "{AOTI}"')
    if config.platform == AOTI:
        if config.backend not in ("", "pytorch"):
            raise BadInputError(f'platform {AOTI} is of backend "pytorch", and backend is "{config.backend}"')
        config.backend = AOTI
        config.ClearField("platform")


def _describe(backend: str, path: Path) -> dict[str, list[tuple[str, str, list[int]]]]:
    """The model's inputs and outputs with their whole shapes."""
    command = [sys.executable, "-m", "mmebench.server.backends.describe", backend, str(path)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise _untold(path, f"reading it takes longer than {_SECONDS} s") from None
    if result.returncode:
        raise _untold(path, (result.stderr.strip().splitlines() or ["it ended without a word"])[-1])
    inputs, outputs = json.loads(result.stdout.splitlines()[-1])
    return {"input": inputs, "output": outputs}


def _untold(path: Path, reason: str) -> BadInputError:
    return BadInputError(f"it leaves out inputs or outputs, and {path.name} does not tell them: {reason}")


def _add(tensor: Any, name: str, datatype: str, shape: list[int]) -> None:
    """Triton has no tensor without dimensions; such a one is told as one value and reshaped."""
    tensor.name = name
    tensor.data_type = tensor.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_name[datatype].number
    tensor.dims.extend(shape or [1])
    if not shape:
        tensor.reshape.SetInParent()
