"""TensorRT engines. An engine fits one TensorRT version and one kind of GPU, so it is built where it will run."""

from pathlib import Path
from typing import NoReturn

from mmebench.errors import BadInputError
from mmebench.models.model import Model, ModelFile
from mmebench.spec import FileModel, ModelSpec, PlatformSpec


def check(model: ModelSpec, platform: PlatformSpec) -> None:
    """Accept a ready archive that holds an engine; refuse all else, as nothing here builds one."""
    if not (isinstance(model, FileModel) and model.path.name.endswith(".tar.gz")):
        _refuse()


def export(model: Model, platform: PlatformSpec, folder: Path) -> NoReturn:
    """Not there yet."""
    _refuse()


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> NoReturn:
    """Not there yet."""
    _refuse()


def _refuse() -> NoReturn:
    raise BadInputError(
        "platform trt needs an engine built on the GPU that serves it, and mmebench has no GPU builder yet; "
        "use pt, onnx or openvino, or give a ready Triton archive (.tar.gz) with model.plan as source: file"
    )
