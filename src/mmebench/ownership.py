"""Whose a file is: the process' that holds a lock on it, for as long as it has the file open."""

import fcntl
from pathlib import Path
from typing import IO, Any


def own(file: IO[Any]) -> bool:
    """Make an open file this process' own until it is closed; False where it is another's."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_owned(path: Path) -> bool:
    """Whether a process of this machine owns the file; nobody owns one that is not there.

    Raises:
        PermissionError: it is not for us to open.
    """
    try:
        with path.open("r+b") as file:
            return not own(file)
    except FileNotFoundError:
        return False
