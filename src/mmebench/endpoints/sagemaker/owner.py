"""Who a run belongs to: a process of a machine, so that others can tell whether it still lives."""

import hashlib
import os
import socket
from functools import lru_cache
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")
_CLOCK_SECONDS = 2.0
"""By how much one process' start may seem to differ between two looks at it."""


@lru_cache(maxsize=1)
def this_process() -> str:
    """``<machine>/<process>/<start>``: names no host, and no other process ever has the same."""
    return f"{_machine()}/{os.getpid()}/{psutil.Process().create_time():.0f}"


def has_ended(owner: str) -> bool | None:
    """Whether the process has ended; None if it runs, or ran, where we cannot look."""
    machine, _, process = owner.partition("/")
    number, _, started = process.partition("/")
    if machine != _machine() or not number.isdecimal() or not started.isdecimal():
        return None
    try:
        found = psutil.Process(int(number))
        return abs(found.create_time() - int(started)) > _CLOCK_SECONDS or found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


@lru_cache(maxsize=1)
def _machine() -> str:
    """The same for all processes that see each other, and another one after a restart."""
    boot = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else str(psutil.boot_time())
    space = os.readlink(_PROCESSES) if _PROCESSES.exists() else ""
    return hashlib.sha256(f"{boot} {space} {socket.gethostname()}".encode()).hexdigest()[:16]
