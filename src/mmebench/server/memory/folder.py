"""A folder of model.tar.gz files."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmebench.server.memory.archives import no_archive
from mmebench.wire.target_names import TargetError, archive_path


class ArchiveFolder:
    """An :class:`~mmebench.server.memory.archives.ArchiveSource`; links to one file count as one archive."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def version(self, target: str) -> Hashable:
        """Device, inode, size and time of the last change."""
        try:
            archive = archive_path(self.root, target)
            status = archive.stat()
        except OSError:  # it is not there, or a part of the name is longer than the file system takes
            raise no_archive(target) from None
        if not archive.is_file():
            raise no_archive(target)
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    @contextmanager
    def open(self, target: str, version: Hashable, scratch: Path) -> Iterator[Path]:
        """The archive where it is."""
        yield archive_path(self.root, target)

    def confirm(self, target: str, version: Hashable) -> None:
        """It may have been written while it was read."""
        if self.version(target) != version:
            raise TargetError(f"archive {target!r} is being written; ask again when that is done")

    def is_empty(self) -> bool:
        """Whether no ``*.tar.gz`` is below the folder."""
        return not any(self.root.rglob("*.tar.gz"))
