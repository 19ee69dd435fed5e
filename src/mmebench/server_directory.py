"""The temporary directory of one server, and its shared memory; what a dead server left is removed."""

import os
import sys
import tempfile
from pathlib import Path

import psutil

from mmebench import scratch
from mmebench.scratch import Scratch

_PREFIX = "mmebench-"
_SHARED_MEMORY = Path("/dev/shm")


class ServerDirectory:
    """A directory that belongs to this process for as long as it lives.

    A server that was killed cannot clean up, so each new one removes the directories whose owner is dead, with the
    shared memory that bears their name.
    """

    def __init__(self) -> None:
        sweep()
        self._scratch = Scratch(Path(tempfile.gettempdir()), _PREFIX)
        self.path = self._scratch.path
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
        _remove_shared_memory(self.path)

    def close(self) -> None:
        """Remove the directory and the shared memory; safe to call twice."""
        _remove_shared_memory(self.path)
        self._scratch.close()
        if self._sockets >= 0:
            os.close(self._sockets)
            self._sockets = -1


def sweep() -> list[Path]:
    """Remove what servers that no longer run left behind, and say what that was."""
    removed = scratch.sweep(Path(tempfile.gettempdir()), _PREFIX)
    for directory in removed:
        _end_orphans(directory)
        _remove_shared_memory(directory)
    return removed


def _end_orphans(directory: Path) -> None:
    """Kill the stubs of a Triton that was killed: they should notice that, and some hang on their way out.

    Their program is a copy in the directory, so nothing else runs from there.
    """
    for process in psutil.process_iter():
        try:
            if process.exe().startswith(f"{directory}{os.sep}"):
                process.kill()
        except psutil.Error:
            continue  # it has ended, or is somebody else's


def _remove_shared_memory(directory: Path) -> None:
    if _SHARED_MEMORY.is_dir():
        for region in _SHARED_MEMORY.iterdir():
            if region.name.startswith(f"{directory.name}-"):
                region.unlink(missing_ok=True)
