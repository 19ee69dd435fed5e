"""What targets may use of each memory: as the spec says, else what there is."""

import logging
from collections.abc import Sequence

import psutil

from mmebench.endpoints.machine_limits import check_room
from mmebench.gpus.gpu import Gpu
from mmebench.gpus.nvml import read_gpu
from mmebench.server.containers.pools import HOST, gpu_pool
from mmebench.spec.endpoints import LocalEndpoint
from mmebench.units import human_bytes

_log = logging.getLogger(__name__)
_WITHOUT_GPU = 4 * 1024**3
_RESERVE = 512 * 1024**2
"""Of a GPU: for what the container itself takes, and for a target while it is loaded."""
_HOST_SHARE = 0.9
"""Of the memory that is available on the host, where nobody says less."""


def find_budgets(endpoint: LocalEndpoint, gpus: Sequence[Gpu]) -> dict[str, int]:
    """Bytes by pool of one instance; ``memory`` is that of each of its GPUs where there are any, else of the host.

    Raises:
        BadInputError: this machine has not so much.
    """
    check_room(endpoint, gpus)
    host = endpoint.host_memory
    if not gpus:
        memory = endpoint.memory or _WITHOUT_GPU
        return {HOST: memory if host is None else min(host, memory)}
    budgets = {gpu_pool(number): _of_gpu(gpu, endpoint.memory) for number, gpu in enumerate(gpus)}
    available = psutil.virtual_memory().available * _HOST_SHARE / endpoint.most_instances
    budgets[HOST] = round(available) if host is None else host
    return budgets


def _of_gpu(gpu: Gpu, memory: int | None) -> int:
    free = read_gpu(gpu).free
    what = f"GPU {gpu.index} ({gpu.name})"
    if memory is None:
        _log.info(
            "%s: %s of memory free, of which %s are reserved", what, human_bytes(free), human_bytes(_RESERVE)
        )
        return max(0, free - _RESERVE)
    if memory > free:
        _log.warning("%s: others use it; %s of %s are free", what, human_bytes(free), human_bytes(memory))
    return memory
