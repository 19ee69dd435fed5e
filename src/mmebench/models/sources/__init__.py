"""Where models come from. Each module here is one source; it is imported when a spec asks for it."""

import importlib
from typing import Protocol, cast

from mmebench.errors import BadInputError
from mmebench.installing import how_to_install
from mmebench.models.model import Model, ModelFile
from mmebench.models.quiet import quiet
from mmebench.spec import ModelSource


class Source(Protocol):
    """What the module that a source names as its loader offers."""

    def load(self, spec: ModelSource) -> Model | ModelFile:
        """The model that ``spec`` names.

        Raises:
            BadInputError: there is no such model, or its weights cannot be had.
        """


def load_model(spec: ModelSource) -> Model | ModelFile:
    """The model that ``spec`` names, from its source, ready to be packaged for any number of platforms.

    Raises:
        BadInputError: there is no such model, its weights cannot be had, or a library is missing.
    """
    with quiet():
        try:
            source = cast(Source, importlib.import_module(spec.loader))
        except ModuleNotFoundError as error:
            raise BadInputError(
                f"source {spec.source} needs {error.name}, which is not installed; "
                f"run: {how_to_install(spec.extra)}"
            ) from error
        return source.load(spec)
