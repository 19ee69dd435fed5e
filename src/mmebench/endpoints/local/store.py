"""The archive store: a folder of model.tar.gz files, and what was unpacked from them."""

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmebench import triton_config
from mmebench.archive import unpack
from mmebench.errors import BadInputError, MmebenchError

_log = logging.getLogger(__name__)
_LONGEST_NAME = 1024
"""The longest TargetModel that the SageMaker Runtime API allows."""


class TargetError(BadInputError):
    """No archive can stand behind this target name, or none does."""


class ConfigError(BadInputError):
    """The archive's config.pbtxt is not one that can be loaded."""


@dataclass(frozen=True)
class Content:
    """What an archive holds, whatever its name."""

    digest: str
    """SHA-256 of the archive."""
    directory: Path
    """Its files, ready to be loaded."""
    size: int
    """Bytes of these files together."""


class ArchiveStore:
    """Finds archives by target name, at each call anew, and unpacks each content once.

    Thread-safe; all methods block.
    """

    def __init__(
        self,
        root: Path,
        unpacked: Path,
        adapt: Callable[[triton_config.ModelConfig], triton_config.ModelConfig],
    ) -> None:
        """Archives below ``root``, unpacked below ``unpacked``; ``adapt`` fits a configuration to this machine."""
        self.root = root
        self._unpacked = unpacked
        self._adapt = adapt
        self._digests: dict[tuple[int, int, int, int], str] = {}
        self._contents: dict[str, Content] = {}
        self._locks: dict[object, threading.Lock] = {}
        unpacked.mkdir(parents=True, exist_ok=True)

    def materialise(self, target: str, directory: Path) -> Content:
        """Make ``directory`` hold the model of ``target``, as hard links to what was unpacked.

        Raises:
            TargetError: there is no such archive.
            ArchiveError: it is damaged, hostile or half-written.
            ConfigError: its config.pbtxt cannot be used.
            MmebenchError: the disk is full, or does not let us read or write.
        """
        archive = self.find(target)
        try:
            return self._materialise(archive, directory)
        except OSError as error:
            raise MmebenchError(f"{target}: cannot be unpacked: {error}") from error

    def discard(self, digest: str) -> None:
        """Remove what was unpacked from an archive; models that were made of it keep their files."""
        with self._locks.setdefault(digest, threading.Lock()):
            if self._contents.pop(digest, None) is not None:
                shutil.rmtree(self._unpacked / digest, ignore_errors=True)

    def find(self, target: str) -> Path:
        """The archive of ``target``; raises TargetError."""
        archive = archive_path(self.root, target)
        try:
            found = archive.is_file()
        except OSError:  # a part of the name is longer than the file system takes
            found = False
        if not found:
            raise TargetError(f"no archive {target!r} in the store; put it there and ask again")
        return archive

    def _materialise(self, archive: Path, directory: Path) -> Content:
        identity = _identity(archive)
        with self._locks.setdefault(identity, threading.Lock()):
            digest = self._digests.get(identity) or _digest(archive)
            if _identity(archive) != identity:
                raise TargetError(f"archive {archive.name!r} is being written; ask again when that is done")
            self._digests[identity] = digest
        with self._locks.setdefault(digest, threading.Lock()):
            content = self._contents.get(digest)
            if content is None:
                content = self._contents[digest] = self._unpack(archive, digest)
            shutil.rmtree(directory, ignore_errors=True)
            shutil.copytree(content.directory, directory, copy_function=os.link)
        return content

    def _unpack(self, archive: Path, digest: str) -> Content:
        directory = self._unpacked / digest
        # Weights hardly compress; what grows more than this is not a model.
        limit = 20 * archive.stat().st_size + 2**30
        model = unpack(archive, directory, limit)
        try:
            self._write_config(model / "config.pbtxt", archive)
        except BaseException:
            shutil.rmtree(directory)
            raise
        size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
        _log.info("unpacked %s: %d bytes", archive.name, size)
        return Content(digest, model, size)

    def _write_config(self, path: Path, archive: Path) -> None:
        """Fit the configuration to this machine, and drop the name, which must be that of the directory."""
        try:
            config = triton_config.parse(path.read_text(encoding="utf-8"), f"{archive.name}: config.pbtxt")
        except UnicodeDecodeError:
            raise ConfigError(f"{archive.name}: config.pbtxt is not UTF-8 text") from None
        except BadInputError as error:
            raise ConfigError(str(error)) from None
        adapted = self._adapt(config)
        if adapted != config:
            _log.warning("%s: this machine has no GPU, so its instances run on the CPU", archive.name)
        adapted.ClearField("name")
        path.write_text(triton_config.render(adapted), encoding="utf-8")


def archive_path(store: Path, target: str) -> Path:
    """Where the archive of ``target`` is, or would be.

    Raises:
        TargetError: a store can hold no archive of this name.
    """
    name = PurePosixPath(target)
    if (
        not target.isprintable()
        or not 0 < len(target) <= _LONGEST_NAME
        or not target.endswith(".tar.gz")
        or str(name) != target
        or name.is_absolute()
        or ".." in name.parts
    ):
        raise TargetError(
            f"TargetModel {target[:100]!r} names no archive; give a path below the store that ends in .tar.gz, "
            f"at most {_LONGEST_NAME} printable characters"
        )
    return store / name


def _identity(path: Path) -> tuple[int, int, int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
