"""No export makes a TensorRT engine: a ready archive has one, others are built by ``models.engine``."""

from pathlib import Path
from typing import NoReturn

from mmebench.errors import BadInputError
from mmebench.models.model import Model, ModelFile
from mmebench.spec import ModelSource, PlatformSpec


def check(model: ModelSource, platform: PlatformSpec) -> None:
    """Refuse; an exporter builds no engine."""
    _refuse()


def export(model: Model, platform: PlatformSpec, folder: Path) -> NoReturn:
    """An engine is not exported."""
    _refuse()


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> NoReturn:
    """Neither is one adopted from another format."""
    _refuse()


def _refuse() -> NoReturn:
    raise BadInputError(
        "platform trt needs an engine built on the GPU that serves it, which no export can make; "
        "mmebench run has it built, or give a ready Triton archive (.tar.gz) with model.plan as source: file"
    )
