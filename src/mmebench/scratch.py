"""Scratch folders: of one process for as long as it lives; what a killed one left is removed by the next."""

import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmebench.ownership import is_owned, own

_log = logging.getLogger(__name__)
_LOCK = ".lock"
_RANDOM = "[a-z0-9_]{8}"
"""What :func:`tempfile.mkdtemp` puts behind a prefix."""


class Scratch:
    """A new folder, ``<parent>/<prefix>xxxxxxxx``, that nobody else may read; its owner holds a lock in it."""

    def __init__(self, parent: Path, prefix: str) -> None:
        """Make it, and first :func:`sweep` what dead processes left beside it."""
        sweep(parent, prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        # Locked before it gets its name: a folder without a lock is not swept.
        unnamed = self.path / f"{_LOCK}.new"
        self._lock = unnamed.open("w")
        own(self._lock)
        unnamed.rename(self.path / _LOCK)

    def close(self) -> None:
        """Remove it; safe to call twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


@contextmanager
def scratch(parent: Path, prefix: str) -> Iterator[Path]:
    """The path of a :class:`Scratch` for as long as the context lasts."""
    folder = Scratch(parent, prefix)
    try:
        yield folder.path
    finally:
        folder.close()


def sweep(parent: Path, prefix: str) -> list[Path]:
    """Remove the folders that processes of this user left which no longer run, and say which.

    The parent may be anybody's to write to, ``/tmp`` for example: what is not a folder of exactly our form, our
    own and closed to all others is not looked into.
    """
    form = re.compile(re.escape(prefix) + _RANDOM)
    with os.scandir(parent) as entries:
        found = [Path(entry.path) for entry in entries if form.fullmatch(entry.name) and _is_ours(entry)]
    removed = []
    for folder in found:
        if (folder / _LOCK).exists() and not is_owned(folder / _LOCK):
            _log.warning("removing %s, left by a process that was killed", folder)
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _is_ours(entry: "os.DirEntry[str]") -> bool:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # its owner has just removed it
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == 0o700
