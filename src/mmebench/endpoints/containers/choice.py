"""Which container a local endpoint gets."""

import logging
from typing import IO, Literal

from mmebench.endpoints.containers.container import Container
from mmebench.endpoints.containers.triton import TritonRecipe
from mmebench.endpoints.containers.v2_container import V2Container
from mmebench.endpoints.local.run_directory import RunDirectory

_log = logging.getLogger(__name__)

ContainerName = Literal["auto", "triton", "python"]


async def start_container(name: ContainerName, run: RunDirectory, output: IO[bytes]) -> Container:
    """The container ``name``, up; ``auto`` is Triton where it runs, else the Python fallback.

    Raises:
        CannotRunError: it does not run on this machine.
    """
    container = V2Container(TritonRecipe(), run, output)
    await container.start()
    return container
