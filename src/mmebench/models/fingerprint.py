"""What a package was made from, as one digest: the same digest, and the package need not be made again."""

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmebench.spec import FileModel, ModelSpec, PlatformSpec

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


def fingerprint(model: ModelSpec, platform: PlatformSpec) -> str:
    """A digest of the spec's two parts, of the local files they name, and of the libraries."""
    made_from: dict[str, Any] = {
        "revision": _REVISION,
        "model": model.model_dump(mode="json"),
        "platform": platform.model_dump(mode="json"),
        "libraries": library_versions(),
        "files": [_state(file) for path in _local_paths(model) for file in _files(path)],
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _local_paths(model: ModelSpec) -> Iterator[Path]:
    """What of the spec may be a place on this disk; a hub name that is none does no harm."""
    if isinstance(model, FileModel):
        yield model.path
        yield model.path.with_name(model.path.name + ".data")
    else:
        yield Path(model.name)
        yield Path(model.weights)


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _state(file: Path) -> tuple[str, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return str(file), status.st_size, status.st_mtime_ns
