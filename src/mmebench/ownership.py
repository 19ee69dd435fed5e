"""Whose a file is: the process' that holds a lock on it, for as long as it has the file open."""

import fcntl
import os
import stat
from pathlib import Path
from typing import IO, Any


def own(file: IO[Any]) -> bool:
    """Make an open file this process' own until it is closed; False where it is another's."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def create_owned(path: Path) -> IO[str]:
    """A new text file of this process, nobody else's to read.

    Whoever removes files that nobody owns may come between its creation and the lock; it is then created again.

    Raises:
        OSError: it cannot be created.
    """
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode=0o600)
        file = os.fdopen(descriptor, "w", encoding="utf-8")
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():
            return file
        file.close()


def is_owned(path: Path) -> bool:
    """Whether a process of this machine owns the file; nobody owns one that is not there.

    Whatever lies there, it is neither followed nor waited for: a link, a pipe or a device counts as owned, which
    leaves it to whoever put it there.

    Raises:
        PermissionError: it is not for us to open.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:
        raise
    except OSError:
        return True
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        return not (stat.S_ISREG(os.fstat(descriptor).st_mode) and own(file))
