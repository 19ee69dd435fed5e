"""What the processes of an endpoint take of this machine."""

import re
from collections.abc import Sequence
from pathlib import Path

import psutil

from mmebench.endpoints.endpoint import MachinePart

_SHARED_MEMORY = Path("/dev/shm")
_REGION = re.compile(r"/dev/shm/(mmebench-[a-z0-9_]{8}-)")


def parts_of(server: int) -> tuple[MachinePart, ...]:
    """The parts of a local endpoint whose server has this process id.

    ``router`` is that process, ``container`` what it has started, ``models`` what that has started in turn: the
    processes of Triton's Python backends. ``shared memory`` is all that bears the server's name, whether a process
    uses it or not.
    """
    try:
        router = psutil.Process(server)
        containers = router.children()
        models = [model for container in containers for model in container.children(recursive=True)]
    except psutil.NoSuchProcess:
        return ()
    found = [_part("router", [router]), _part("container", containers), _part("models", models)]
    return (*found, _shared_memory([*containers, *models]))


def _part(name: str, processes: Sequence[psutil.Process]) -> MachinePart:
    """Their sums. Memory is what each has for itself: what it shares changes when others come and go."""
    used = files = threads = count = 0
    for process in processes:
        try:
            memory, open_files, running = process.memory_full_info(), process.num_fds(), process.num_threads()
        except psutil.NoSuchProcess:
            continue  # a model that was unloaded meanwhile
        used += memory.uss
        files += open_files
        threads += running
        count += 1
    return MachinePart(name, used, count, files, threads)


def _shared_memory(processes: Sequence[psutil.Process]) -> MachinePart:
    names: set[str] = set()
    for process in processes:
        try:
            names.update(_REGION.findall(Path(f"/proc/{process.pid}/maps").read_text()))
        except OSError:
            continue
    ours = tuple(names)
    regions = [path for path in _SHARED_MEMORY.glob("mmebench-*") if ours and path.name.startswith(ours)]
    return MachinePart("shared memory", sum(map(_size, regions)), None, len(regions), None)


def _size(path: Path) -> int:
    """Bytes that are taken; 0 once it is gone."""
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0
