"""What can go wrong, said once: what was got, what is allowed, what to do.

Every error a user can meet is a :class:`MmebenchError`. The command line prints its message without a
traceback and exits with its ``exit_code``; anything else that escapes is a defect of mmebench.
"""

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmebench.units import human_bytes


class MmebenchError(Exception):
    """The benchmark could not do what was asked; what it had measured is kept."""

    exit_code = 3


class BadInputError(MmebenchError):
    """What the user gave (spec, file, option) cannot be used; nothing was started."""

    exit_code = 2


class DiskFullError(MmebenchError):
    """There is no space left on a disk, or within what may be used of it."""


def together(problems: Sequence[MmebenchError]) -> MmebenchError:
    """The first of them, which tells of the others too."""
    first, *others = problems
    for other in others:
        for text in (str(other), *getattr(other, "__notes__", ())):
            first.add_note(text)
    return first


_FULL = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
    errno.EFBIG: "no file may be larger here; raise the limit (ulimit -f) and run the same command again",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says of a file into one clear error.

    Args:
        path: what is being written, for messages that name no file themselves.

    Raises:
        DiskFullError: the disk is full, or as full as we may make it. MmebenchError: in place of any other
            OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(f"{error.filename or path}: {_FULL[error.errno]}") from error
        raise MmebenchError(f"{error.filename or path}: {error.strerror or error}") from error


def make_folder(path: Path) -> None:
    """The folder that a person has named for what is written, before anything is started.

    Raises:
        BadInputError: there can be none. DiskFullError: there is no room for one.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(f"{path}: {_FULL[error.errno]}") from error
        raise BadInputError(
            f"{path}: {error.strerror}; give a folder that can be made, and that you may write to"
        ) from None


def keep_free(directory: Path, needed: int) -> None:
    """Stop before a disk is full, while what is left to be written still finds room.

    Raises:
        DiskFullError: the disk that ``directory`` is on has less than ``needed`` bytes for us.
    """
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise DiskFullError(
            f"{directory}: the disk has {human_bytes(free)} left, and {human_bytes(needed)} are kept for what is "
            "written at the end; free some space and run the same command again"
        )
