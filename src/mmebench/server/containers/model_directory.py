"""The folder in which a container that we did not start finds its models."""

import shutil
from pathlib import Path

from mmebench.errors import BadInputError
from mmebench.ownership import own

_LOCK = ".mmebench.lock"


class ModelDirectory:
    """A folder that belongs to this process for as long as it lives; what a killed one left in it is removed."""

    def __init__(self, path: Path) -> None:
        """Claim ``path``.

        Raises:
            BadInputError: it cannot be written, holds files of others, or is in use.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = path / _LOCK
            if not lock.exists() and any(path.iterdir()):
                raise BadInputError(
                    f"{path} is not empty; give an empty folder that the container sees with --model-directory"
                )
            self._lock = lock.open("w")
            if not own(self._lock):
                raise BadInputError(
                    f"{path} is in use by another mmebench serve; give another with --model-directory"
                )
        except OSError as error:
            raise BadInputError(
                f"{path}: {error.strerror}; give a folder that can be written with --model-directory"
            ) from None
        self._clear()

    def remove(self, name: str) -> None:
        """Remove one model's files."""
        shutil.rmtree(self.path / name, ignore_errors=True)

    def close(self) -> None:
        """Remove everything but the folder itself; safe to call twice."""
        if not self._lock.closed:
            self._clear()
            (self.path / _LOCK).unlink(missing_ok=True)
            self._lock.close()

    def _clear(self) -> None:
        for entry in self.path.iterdir():
            if entry.name != _LOCK:
                shutil.rmtree(entry, ignore_errors=True)
