"""What models are exported to. A module is the exporter of a platform, imported when a spec asks for it."""

import importlib
from pathlib import Path
from typing import Protocol, cast

from mmebench.errors import BadInputError
from mmebench.installing import how_to_install
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms.export import Export
from mmebench.spec import PLATFORMS, ModelSource, PlatformSpec


class Exporter(Protocol):
    """What the module that a platform names as its exporter offers."""

    def check(self, model: ModelSource, platform: PlatformSpec) -> None:
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


def find_exporter(platform: PlatformSpec) -> Exporter:
    """What exports to ``platform``.

    Raises:
        BadInputError: nothing is exported to it, or one of its libraries is not installed.
    """
    if platform.exporter is None:
        allowed = ", ".join(kind for kind, known in PLATFORMS.by_name.items() if known.exporter)
        raise BadInputError(
            f"platforms: got {platform.kind}, which serves ready Triton archives (.tar.gz) only; "
            f"allowed for other models: {allowed}"
        )
    try:
        return cast(Exporter, importlib.import_module(platform.exporter))
    except ModuleNotFoundError as error:
        raise BadInputError(
            f"platform {platform.kind} needs {error.name}, which is not installed; "
            f"run: {how_to_install(platform.extra)}"
        ) from error
