"""The temporary directory of one server, and its shared memory; what a dead server left is removed."""

import logging
import shutil
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
        self._lock.close()


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
