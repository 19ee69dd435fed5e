"""Which GPUs of this machine an endpoint uses."""

import logging
from collections.abc import Sequence

from mmebench.errors import BadInputError
from mmebench.gpus.gpu import Gpu

_log = logging.getLogger(__name__)


def choose(found: Sequence[Gpu], devices: Sequence[int] | None) -> list[Gpu]:
    """Those of ``devices``, by their numbers; None: all there are.

    CUDA shows a process no more than one slice of a GPU that is split by MIG, and nothing beside it.

    Raises:
        BadInputError: there is no such GPU, or a slice and another one are wanted.
    """
    known = {gpu.index: gpu for gpu in found}
    unknown = [number for number in devices or () if number not in known]
    if unknown:
        there = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in found)
        raise BadInputError(
            f"devices: got {unknown[0]}; this machine has "
            + (there or "no NVIDIA GPU whose driver answers; leave devices out")
        )
    chosen = list(found) if devices is None else [known[number] for number in dict.fromkeys(devices)]
    slices = [gpu for gpu in chosen if gpu.slice is not None]
    if slices and len(chosen) > 1:
        if devices is not None:
            raise BadInputError(
                f"devices: got {', '.join(map(str, devices))}, and {slices[0].index} is a slice of MIG; CUDA "
                "gives a process one slice and nothing else: name one, and start one endpoint a slice"
            )
        _log.warning(
            "%s is split by MIG, and CUDA gives a process one slice: targets run on %d; devices chooses another",
            slices[0].name,
            slices[0].index,
        )
        return slices[:1]
    return chosen
