"""What a package was made from, as one digest: the same digest, and the package need not be made again."""

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmebench.models.device import describe_device
from mmebench.models.external_data import external_files
from mmebench.spec import FileModel, ModelSource, PlatformSpec

_REVISION = 2
"""Of the way packages are made; a change to it makes all of them again."""

_LIBRARIES = (
    "torch", "torchvision", "timm", "transformers", "onnx", "onnxscript", "onnxruntime", "openvino",
)  # fmt: skip


def library_versions() -> dict[str, str]:
    """The installed libraries that shape an export."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def fingerprint(model: ModelSource, platform: PlatformSpec, sequence_length: int) -> str:
    """A digest of the spec's two parts, of the local files they name, and of the libraries.

    ``sequence_length`` counts where the user's own file is tried with it, this machine where code is made for it.

    Raises:
        BadInputError: the model is an ONNX file that cannot be read, or this machine cannot compile it.
    """
    varies = isinstance(model, FileModel) and any(-1 in tensor.shape for tensor in model.inputs)
    made_from: dict[str, Any] = {
        "revision": _REVISION,
        "model": model.model_dump(mode="json"),
        "platform": platform.model_dump(mode="json", exclude={"name"}),
        "tried_with": sequence_length if varies else None,
        "libraries": library_versions(),
        "device": describe_device(platform) if platform.compiled and not model.is_ready_archive else None,
        "files": [_state(file) for path in _local_paths(model) for file in _files(path)],
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _local_paths(model: ModelSource) -> Iterator[Path]:
    """What of the spec may be a place on this disk; a hub name that is none does no harm."""
    for field, value in model:
        if isinstance(value, str | Path) and field != "source":
            yield Path(value)
    if (
        isinstance(model, FileModel)
        and model.path.suffix == ".onnx"
        and model.path.is_file()
        and find_spec("onnx")
    ):
        yield from (model.path.parent / name for name in external_files(model.path))


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _state(file: Path) -> tuple[str, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return str(file), status.st_size, status.st_mtime_ns
