"""What this machine has room for: the sizes of a local endpoint against its memory, its disk and its GPUs."""

import shutil
import tempfile
from collections.abc import Sequence

from mmebench.environment import host_memory
from mmebench.errors import BadInputError
from mmebench.gpus.gpu import Gpu
from mmebench.spec.endpoints import LocalEndpoint
from mmebench.units import human_bytes


def check_room(spec: LocalEndpoint, gpus: Sequence[Gpu]) -> None:
    """Refuse sizes that this machine cannot have, whatever is free of it at the moment.

    Args:
        spec: what is asked for.
        gpus: those that targets run on; without any, ``memory`` is the host's.

    Raises:
        BadInputError: one is more than all there is.
    """
    for gpu in gpus:
        what = f"GPU {gpu.index} ({gpu.name})"
        _check("memory", spec.memory, what, gpu.total, "leave it out for all that is free")
    most = spec.most_instances
    host = host_memory() // most
    machine = "this machine" if most == 1 else f"each of {most} instances on this machine"
    if not gpus:
        _check("memory", spec.memory, machine, host, "leave it out for 4 GiB")
    _check("host_memory", spec.host_memory, machine, host, "leave it out for 90 % of it")
    disk = shutil.disk_usage(tempfile.gettempdir()).total
    _check("disk", spec.disk, f"the disk of {tempfile.gettempdir()}", disk, "leave it out for all of it")


def deal(gpus: Sequence[Gpu], instances: int) -> list[Sequence[Gpu]]:
    """Those of each instance, as many as of any other; without GPUs all have none.

    Raises:
        BadInputError: they cannot be dealt out evenly.
    """
    each, left = divmod(len(gpus), instances)
    if left or (gpus and not each):
        raise BadInputError(
            f"instances: got {instances}; {len(gpus)} GPUs cannot be dealt out to them evenly; allowed: a number "
            "that divides theirs; choose others with devices, or none with devices: []"
        )
    return [gpus[number * each : (number + 1) * each] for number in range(instances)]


def _check(field: str, asked: int | None, what: str, there: int, else_: str) -> None:
    if asked is not None and asked > there:
        raise BadInputError(
            f"{field}: got {human_bytes(asked)}; {what} has {human_bytes(there)}: give at most that, or {else_}"
        )
