"""The memories of a machine that targets take up: the host's, and that of each GPU."""

from collections.abc import Mapping, Sequence

from mmebench.units import human_bytes

HOST = "host"

Memory = dict[str, int]
"""Bytes by the name of a pool: ``host``, ``gpu 0``."""


def gpu_pool(number: int) -> str:
    """Of the GPU that the container's CUDA numbers so."""
    return f"gpu {number}"


def moved(memory: Memory, source: int | None, destination: int | None) -> Memory:
    """``memory`` of a target on GPU ``source``, as it would be on ``destination``; None: it is on none."""
    if source is None or destination is None:
        return dict(memory)
    here, there = gpu_pool(source), gpu_pool(destination)
    return {there if pool == here else pool: size for pool, size in memory.items()}


def grown(memory: Memory, known: Memory) -> Memory:
    """``memory`` of a target that may grow on its GPU to what is ``known`` of one like it."""
    return memory | {pool: max(size, memory.get(pool, 0)) for pool, size in known.items() if pool != HOST}


def mean(memories: Sequence[Memory]) -> Memory:
    """What one of several targets takes, of each memory, rounded up."""
    pools = {pool for each in memories for pool in each}
    return {pool: -(-sum(each.get(pool, 0) for each in memories) // len(memories)) for pool in pools}


def in_words(memory: Mapping[str, int]) -> str:
    """``353 MiB``; with GPUs ``1.2 GiB of gpu 0 and 353 MiB of host memory``."""
    parts = [f"{human_bytes(size)} of {pool}" for pool, size in sorted(memory.items()) if pool != HOST]
    host = human_bytes(memory.get(HOST, 0))
    return " and ".join([*parts, f"{host} of host memory"]) if parts else host
