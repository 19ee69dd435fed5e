"""Which container a local endpoint gets."""

import logging
from collections.abc import Callable
from typing import IO, Literal

from mmebench.endpoints.containers.container import CannotRunError, Container
from mmebench.endpoints.containers.python import LABEL, PythonRecipe
from mmebench.endpoints.containers.triton import TritonRecipe
from mmebench.endpoints.containers.v2_container import Recipe, V2Container
from mmebench.endpoints.local.run_directory import RunDirectory

_log = logging.getLogger(__name__)

ContainerName = Literal["auto", "triton", "python"]
_RECIPES: dict[ContainerName, tuple[Callable[[], Recipe], ...]] = {
    "auto": (TritonRecipe, PythonRecipe),
    "triton": (TritonRecipe,),
    "python": (PythonRecipe,),
}


async def start_container(name: ContainerName, run: RunDirectory, output: IO[bytes]) -> Container:
    """The container ``name``, up; ``auto`` is Triton where it runs, else the Python fallback.

    Raises:
        CannotRunError: it does not run on this machine.
    """
    *preferred, last = _RECIPES[name]
    for recipe in preferred:
        try:
            return await _start(recipe, run, output)
        except CannotRunError as error:
            _log.warning("%s; %s takes its place, whose speed is not Triton's", error, LABEL)
    return await _start(last, run, output)


async def _start(recipe: Callable[[], Recipe], run: RunDirectory, output: IO[bytes]) -> Container:
    container = V2Container(recipe(), run, output)
    try:
        await container.start()
    except BaseException:
        await container.close()
        raise
    return container
