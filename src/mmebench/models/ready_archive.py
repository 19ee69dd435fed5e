"""The user's own Triton archive: checked before anything is started, then served as it is."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from tritonclient.grpc import model_config_pb2 as triton

from mmebench.errors import BadInputError
from mmebench.formats.archive import unpack
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import ModelConfig, check, parse_partial, served_by
from mmebench.models.config import add_tensors
from mmebench.models.model import ModelFile
from mmebench.spec import PLATFORMS, DynamicBatching, FileModel, PlatformSpec, platform_kind

_LIMIT = 64 * 1024**3
"""Bytes that an archive may unpack to: more than the memory of any GPU that takes many models."""


class Batching(NamedTuple):
    """How the archive's own config has its requests executed."""

    max_batch_size: int
    dynamic: bool
    """Whether requests that wait at the same time are joined, in an ensemble by any of its models."""


def adopt_archive(file: ModelFile, platform: PlatformSpec, work: Path, archive: Path) -> Batching:
    """Copy ``file`` to ``archive``, if it is what the spec says.

    Args:
        file: a ``.tar.gz`` with the inputs and outputs that the spec names.
        platform: what the spec says of the platform.
        work: an empty directory to unpack into.
        archive: where the copy goes.

    Returns:
        What the config in the archive says of batches; it, not the spec, decides how the model is served.

    Raises:
        BadInputError: the archive or its config is broken, or differs from the spec.
    """
    folder = unpack(file.path, work / "unpacked", _LIMIT)
    config = _read(folder / "config.pbtxt", file)
    found = platform_kind(served_by(config))
    if found != platform.kind:
        raise BadInputError(
            f"{file.path.name} is made for {served_by(config)} ({found}), "
            f"and the spec says platform {platform.kind}; leave that out, or write {found}"
        )
    _check_options(file, platform, config)
    _check_tensors(file, "input", file.inputs, config.input)
    _check_tensors(file, "output", file.outputs, config.output)
    shutil.copyfile(file.path, archive)
    return Batching(config.max_batch_size, any(one.HasField("dynamic_batching") for one in _all(config, folder)))


def check_archive(spec: FileModel, platform: PlatformSpec) -> None:
    """Hold a ready archive against what the spec says of it, as packaging will.

    Raises:
        BadInputError: see :func:`adopt_archive`.
    """
    file = ModelFile(spec.label, spec.path, spec.inputs, spec.outputs)
    with tempfile.TemporaryDirectory(prefix="mmebench-") as work:
        adopt_archive(file, platform, Path(work), Path(work, "archive"))


class Described(NamedTuple):
    """What an archive says of itself."""

    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def describe_archive(path: Path) -> Described:
    """What the config.pbtxt of a ready archive says; inputs and outputs are none where it leaves them out.

    Raises:
        BadInputError: it is no archive that Triton loads, or does not say what it is served by.
    """
    where = f"{path.name}/config.pbtxt"
    with tempfile.TemporaryDirectory(prefix="mmebench-") as work:
        folder = unpack(path, Path(work, "unpacked"), _LIMIT)
        text = (folder / "config.pbtxt").read_text(encoding="utf-8", errors="replace")
    config = parse_partial(text, where)
    found = served_by(config)
    if not found:
        raise BadInputError(
            f"{where}: names neither backend nor platform; write one of them there, or give the spec its platform"
        )
    return Described(platform_kind(found), _tensors(config.input, where), _tensors(config.output, where))


def _tensors(found: Any, where: str) -> tuple[TensorSpec, ...]:
    try:
        return tuple(
            TensorSpec.model_validate({"name": each.name, "datatype": _datatype(each), "shape": tuple(each.dims)})
            for each in found
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"{where}: {first['loc'][0] if first['loc'] else 'a tensor'} {first['input']!r} is not one that "
            "requests can be made of; say what goes in, as model.inputs"
        ) from None


def _read(path: Path, file: ModelFile) -> ModelConfig:
    """The archive's config; inputs or outputs that it leaves for Triton to find in the model are the spec's."""
    text, where = path.read_text(encoding="utf-8", errors="replace"), f"{file.path.name}/config.pbtxt"
    config = parse_partial(text, where)
    known = PLATFORMS.by_name.get(platform_kind(served_by(config)))
    if known is not None and known.describes_itself:
        if not config.input and not config.output and not config.max_batch_size:
            raise BadInputError(
                f"{where}: it leaves inputs, outputs and max_batch_size to Triton; name one of them, as requests "
                "with and without a batch differ"
            )
        for field, tensors in ((config.input, file.inputs), (config.output, file.outputs)):
            if not field:
                add_tensors(field, tensors)
    check(config, text, where)
    return config


def _all(config: ModelConfig, folder: Path) -> list[ModelConfig]:
    """The config, and those of the models that an ensemble is made of, which lie beside it."""
    names = sorted({step.model_name for step in config.ensemble_scheduling.step})
    places = {name: folder.parent / name / "config.pbtxt" for name in names}
    return [
        config,
        *(
            parse_partial(place.read_text(encoding="utf-8", errors="replace"), f"{name}/config.pbtxt")
            for name, place in places.items()
            if place.is_file()
        ),
    ]


def _check_options(file: ModelFile, platform: PlatformSpec, config: ModelConfig) -> None:
    """Options that differ from the archive's would be ignored; say so instead."""
    groups = config.instance_group
    said: dict[str, Any] = {
        "max_batch_size": config.max_batch_size,
        "dynamic_batching": _dynamic_batching(config),
        "instances": sum(group.count or 1 for group in groups) or 1,
        "device": "cpu" if groups and groups[0].kind == triton.ModelInstanceGroup.KIND_CPU else "gpu",
    }
    for field in sorted(platform.model_fields_set - {"kind"}):
        given = getattr(platform, field)
        if field not in said:
            raise BadInputError(
                f"{file.path.name} is served as its config.pbtxt says; leave out of the platform: {field}"
            )
        if given != said[field]:
            raise BadInputError(
                f"{file.path.name} is served as its config.pbtxt says, with {field} {_words(said[field])}; the "
                f"platform says {_words(given)}; leave it out"
            )


def _dynamic_batching(config: ModelConfig) -> DynamicBatching | None:
    if not config.HasField("dynamic_batching"):
        return None
    batching = config.dynamic_batching
    return DynamicBatching(
        preferred=tuple(batching.preferred_batch_size),
        max_queue_delay=batching.max_queue_delay_microseconds / 1e6,
    )


def _words(value: Any) -> str:
    return "null" if value is None else str(value)


def _check_tensors(file: ModelFile, role: str, tensors: tuple[TensorSpec, ...], found: Any) -> None:
    shown = {item.name: _show(item) for item in found}
    for tensor in tensors:
        wanted = f"{tensor.name} {tensor.datatype} {list(tensor.dims)}"
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
    return f"{item.name} {_datatype(item)} {list(item.dims)}"


def _datatype(item: Any) -> str:
    datatype = triton.DataType.Name(item.data_type).removeprefix("TYPE_")
    return "BYTES" if datatype == "STRING" else datatype
