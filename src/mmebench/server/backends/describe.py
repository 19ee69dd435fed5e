"""``python -m mmebench.server.backends.describe BACKEND FILE``: print a model's tensors as JSON.

A process of its own, as the runtimes are large and need not stay in the one that asks.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Protocol, cast

Described = tuple[str, str, list[int]]
"""Name, datatype (``TYPE_FP32``) and whole shape, with -1 where it varies."""


class Describing(Protocol):
    """A module of :mod:`mmebench.server.backends.inference` whose models know their tensors."""

    def describe(self, path: Path) -> tuple[list[Described], list[Described]]:
        """Inputs and outputs; whatever the runtime raises for a broken file is passed on."""


def main() -> None:
    """Print ``[inputs, outputs]``, or say on standard error why not and exit with 1."""
    backend, path = sys.argv[1:]
    module = cast(Describing, importlib.import_module(f"mmebench.server.backends.inference.{backend}"))
    try:
        found = module.describe(Path(path))
    except Exception as error:  # each runtime has its own
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())[:1000]}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
