"""Which container a local endpoint gets."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from mmebench.gpus.gpu import Gpu
from mmebench.server.containers.container import CannotRunError, Container
from mmebench.server.containers.contract import ContractContainer
from mmebench.server.containers.python import LABEL
from mmebench.server.containers.v2_container import V2Container
from mmebench.server_directory import ServerDirectory
from mmebench.spec.containers import OWN, container_names, find_recipe

_log = logging.getLogger(__name__)


async def start_container(
    name: str, models: Path, run: ServerDirectory, output: IO[bytes], gpus: Sequence[Gpu] | None
) -> Container:
    """The container ``name``, up.

    Args:
        name: one of :func:`~mmebench.spec.containers.container_names`; ``auto`` is Triton where it runs, and else
            the Python fallback; or the URL of a server of the MME container contract.
        models: where a container by URL finds its models.
        run: what the others need is made there.
        output: where they write what they have to say.
        gpus: those that models may run on; None where this machine has none.

    Raises:
        CannotRunError: it does not run on this machine. BadInputError: the one at the URL cannot be used.
    """
    if name not in container_names():
        return await _started(ContractContainer(name, models, gpus or ()))
    *preferred, last = map(find_recipe, OWN if name == "auto" else (name,))
    for recipe in preferred:
        try:
            return await _started(V2Container(recipe(), run, output, gpus))
        except CannotRunError as error:
            _log.warning("%s; %s takes its place, whose speed is not Triton's", error, LABEL)
    return await _started(V2Container(last(), run, output, gpus))


async def _started(container: Container) -> Container:
    try:
        await container.start()
    except BaseException:
        await container.close()
        raise
    return container
