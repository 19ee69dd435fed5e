"""Which container a local endpoint gets."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mmebench.server.containers.container import CannotRunError, Container
from mmebench.server.containers.contract import ContractContainer
from mmebench.server.containers.python import LABEL, PythonRecipe
from mmebench.server.containers.triton import TritonRecipe
from mmebench.server.containers.v2_container import Recipe, V2Container
from mmebench.server_directory import ServerDirectory

_log = logging.getLogger(__name__)

_RECIPES: dict[str, tuple[Callable[[], Recipe], ...]] = {
    "auto": (TritonRecipe, PythonRecipe),
    "triton": (TritonRecipe,),
    "python": (PythonRecipe,),
}


async def start_container(name: str, models: Path, run: ServerDirectory, output: IO[bytes]) -> Container:
    """The container ``name``, up.

    Args:
        name: ``triton``; ``python``; ``auto`` for Triton where it runs, else the Python fallback; or the URL of a
            server of the MME container contract.
        models: where a container by URL finds its models.
        run: what the others need is made there.
        output: where they write what they have to say.

    Raises:
        CannotRunError: it does not run on this machine. BadInputError: the one at the URL cannot be used.
    """
    if name not in _RECIPES:
        return await _started(ContractContainer(name, models))
    *preferred, last = _RECIPES[name]
    for recipe in preferred:
        try:
            return await _started(V2Container(recipe(), run, output))
        except CannotRunError as error:
            _log.warning("%s; %s takes its place, whose speed is not Triton's", error, LABEL)
    return await _started(V2Container(last(), run, output))


async def _started(container: Container) -> Container:
    try:
        await container.start()
    except BaseException:
        await container.close()
        raise
    return container
