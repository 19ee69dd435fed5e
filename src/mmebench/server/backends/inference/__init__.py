"""From a model file to a function of arrays: the same code in Triton's stubs and in the Python fallback.

A backend is a module with one function, ``open_model(options) -> Infer``.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from mmebench.server.backends.inference.options import ModelOptions

Array = NDArray[Any]
Infer = Callable[[Mapping[str, Any]], list[Any]]
"""Takes the inputs by name, strings as bytes objects, and never writes to them; an optional one may be missing.
Gives the outputs in the order of the configuration. All are arrays; on a GPU they may be PyTorch's tensors."""


class Backend(Protocol):
    """The interface of the modules beside this file."""

    def open_model(self, options: ModelOptions) -> Infer:
        """The model as a function; whatever the runtime raises for a broken file is passed on."""


def open_model(options: ModelOptions) -> Infer:
    """The model as a function; whatever the runtime raises for a broken file is passed on."""
    module = cast(Backend, importlib.import_module(f"{__name__}.{options.backend}"))
    return module.open_model(options)
