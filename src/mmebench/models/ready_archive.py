"""The user's own Triton archive: checked before anything is started, then served as it is."""

import shutil
from pathlib import Path
from typing import Any

from tritonclient.grpc import model_config_pb2 as triton

from mmebench.errors import BadInputError
from mmebench.formats.archive import unpack
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import ModelConfig, kind, parse
from mmebench.models.model import ModelFile
from mmebench.spec import PlatformSpec

_LIMIT = 64 * 1024**3
"""Bytes that an archive may unpack to: more than the memory of any GPU that takes many models."""


def adopt_archive(file: ModelFile, platform: PlatformSpec, work: Path, archive: Path) -> ModelConfig:
    """Copy ``file`` to ``archive``, if it is what the spec says.

    Args:
        file: a ``.tar.gz`` with the inputs and outputs that the spec names.
        platform: what the spec says of the platform.
        work: an empty directory to unpack into.
        archive: where the copy goes.

    Returns:
        The config in the archive; it, not the spec, decides how the model is served.

    Raises:
        BadInputError: the archive or its config is broken, or differs from the spec.
    """
    folder = unpack(file.path, work / "unpacked", _LIMIT)
    text = (folder / "config.pbtxt").read_text(encoding="utf-8", errors="replace")
    config = parse(text, f"{file.path.name}/config.pbtxt")
    found = kind(config)
    if found != platform.kind:
        server = config.backend or config.platform
        raise BadInputError(
            f"{file.path.name} is made for {server} ({found or 'none of pt, onnx, openvino, trt'}), "
            f"and the spec says platform {platform.kind}"
        )
    _check_options(file, platform, config)
    _check_tensors(file, "input", file.inputs, config.input)
    _check_tensors(file, "output", file.outputs, config.output)
    shutil.copyfile(file.path, archive)
    return config


def _check_options(file: ModelFile, platform: PlatformSpec, config: ModelConfig) -> None:
    """Options that the spec sets would be ignored; say so instead."""
    given = platform.model_fields_set - {"kind", "max_batch_size"}
    if given:
        raise BadInputError(
            f"{file.path.name} is served as its config.pbtxt says; "
            f"leave out of the platform: {', '.join(sorted(given))}"
        )
    if "max_batch_size" in platform.model_fields_set and platform.max_batch_size != config.max_batch_size:
        raise BadInputError(
            f"{file.path.name} has max_batch_size {config.max_batch_size}; "
            f"the platform says {platform.max_batch_size}"
        )


def _check_tensors(file: ModelFile, role: str, tensors: tuple[TensorSpec, ...], found: Any) -> None:
    shown = {item.name: _show(item) for item in found}
    for tensor in tensors:
        wanted = f"{tensor.name} {tensor.datatype} {list(tensor.shape)}"
        if shown.get(tensor.name) != wanted:
            raise BadInputError(
                f"model.{role}s: {file.path.name} has no {role} {wanted}; "
                f"its {role}s are {', '.join(shown.values())}"
            )
    optional = {item.name for item in found if getattr(item, "optional", False)}
    missing = shown.keys() - optional - {tensor.name for tensor in tensors}
    if role == "input" and missing:
        raise BadInputError(f"model.inputs leaves out {', '.join(sorted(missing))} of {file.path.name}")


def _show(item: Any) -> str:
    datatype = triton.DataType.Name(item.data_type).removeprefix("TYPE_")
    return f"{item.name} {'BYTES' if datatype == 'STRING' else datatype} {list(item.dims)}"
