"""The temporary directory of one server, and its shared memory; what a dead server left is removed."""

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

from mmebench.ownership import is_owned, own

_log = logging.getLogger(__name__)
_PREFIX = "mmebench-"
_SHARED_MEMORY = Path("/dev/shm")


class ServerDirectory:
    """A directory that belongs to this process for as long as it lives.

    The owner holds a lock on ``lock``. A server that was killed cannot clean up, so each new one removes the
    directories whose lock nobody holds, with the shared memory that bears their name.
    """

    def __init__(self) -> None:
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Locked before it gets its name: a directory without a lock file is not swept.
        unnamed = self.path / "lock.new"
        self._lock = unnamed.open("w")
        own(self._lock)
        unnamed.rename(self.path / "lock")
        self.sockets = self.path / "sockets"
        """Where the server listens: nobody else can reach them, as the directory is ours alone."""
        self.sockets.mkdir(mode=0o700)
        self._sockets = os.open(self.sockets, os.O_RDONLY)

    def socket(self, name: str) -> Path:
        """The Unix socket of that name, for this process.

        A path to a socket may have 107 bytes, which a temporary directory uses up soon; so it is told by the
        directory's file descriptor where that is possible.
        """
        return Path(f"/proc/self/fd/{self._sockets}") / name if sys.platform == "linux" else self.sockets / name

    def remove_sockets(self) -> None:
        """Make room for those of a server that is about to start."""
        for left in self.sockets.iterdir():
            left.unlink()

    @property
    def shared_memory_prefix(self) -> str:
        """What the name of each shared memory region of this server must start with."""
        return f"{self.path.name}-"

    def remove_shared_memory(self) -> None:
        """Remove the regions that bear our name; for after the server that made them has ended."""
        _remove_shared_memory(self.path.name)

    def close(self) -> None:
        """Remove the directory and the shared memory; safe to call twice."""
        _remove(self.path)
        if not self._lock.closed:
            self._lock.close()
            os.close(self._sockets)


def sweep() -> list[Path]:
    """Remove what servers that no longer run left behind, and say what that was."""
    removed = []
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/lock"):
        if _is_orphan(lock):
            _log.warning("removing %s, left by a server that was killed", lock.parent)
            _remove(lock.parent)
            removed.append(lock.parent)
    return removed


def _is_orphan(lock: Path) -> bool:
    try:
        return not is_owned(lock)
    except PermissionError:
        return False  # it is another user's


def _remove(directory: Path) -> None:
    _remove_shared_memory(directory.name)
    shutil.rmtree(directory, ignore_errors=True)


def _remove_shared_memory(name: str) -> None:
    for region in _SHARED_MEMORY.glob(f"{name}-*"):
        region.unlink(missing_ok=True)
