"""What models are exported to. Each module here is one platform; it is imported when a spec asks for it."""

import importlib
from pathlib import Path
from typing import Protocol, cast

from mmebench.errors import BadInputError
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms.export import Export
from mmebench.spec import ModelSpec, PlatformSpec

_MODULES = {"pt": "torchscript", "onnx": "onnx", "openvino": "openvino", "trt": "tensorrt"}


class Platform(Protocol):
    """What a module of this package offers."""

    def check(self, model: ModelSpec, platform: PlatformSpec) -> None:
        """Say whether ``model`` can come to this platform at all, before anything is loaded.

        Raises:
            BadInputError: it cannot.
        """

    def export(self, model: Model, platform: PlatformSpec, folder: Path) -> Export:
        """Write ``model`` into ``folder`` as this platform serves it.

        Raises:
            MmebenchError: the exporter failed.
        """

    def adopt(self, file: ModelFile, platform: PlatformSpec, folder: Path) -> Export:
        """Put the user's file into ``folder`` as this platform serves it.

        Raises:
            BadInputError: the file is not what the spec says.
        """


def find_platform(kind: str) -> Platform:
    """The platform of that short name.

    Raises:
        BadInputError: nothing is exported to it, or one of its libraries is not installed.
    """
    if kind not in _MODULES:
        raise BadInputError(
            f"platforms: got {kind}, which serves ready Triton archives (.tar.gz) only; "
            f"allowed for other models: {', '.join(_MODULES)}"
        )
    try:
        return cast(Platform, importlib.import_module(f"{__name__}.{_MODULES[kind]}"))
    except ModuleNotFoundError as error:
        raise BadInputError(
            f"platform {kind} needs {error.name}, which is not installed; "
            "run: pip install 'mmebench[models,openvino]'"
        ) from error
