"""What may hold the models inside a local endpoint, by name; a server by its URL needs none."""

from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any

from mmebench.spec.additions import additions, load_addition

OWN = {
    "triton": "mmebench.server.containers.triton:TritonRecipe",
    "python": "mmebench.server.containers.python:PythonRecipe",
}
"""Recipes (:class:`~mmebench.server.containers.v2_container.Recipe`), the first that runs here for ``auto``."""


def container_names() -> Iterator[str]:
    """``auto``, ours, and those of other packages."""
    yield from ("auto", *OWN)
    yield from (entry.name for entry in additions("containers"))


def find_recipe(name: str) -> Any:
    """The recipe of that name, which is one of :func:`container_names` but for ``auto``.

    Raises:
        BadInputError: the package that adds it cannot be imported.
    """
    if name in OWN:
        return resolve_name(OWN[name])
    (entry,) = [entry for entry in additions("containers") if entry.name == name]
    return load_addition("containers", entry)
