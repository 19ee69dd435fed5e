"""The archive store: what was unpacked from archives, once for each content, within a budget of disk space."""

import hashlib
import logging
import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from weakref import WeakValueDictionary

from mmebench.errors import DiskFullError, MmebenchError, disk_errors
from mmebench.server.memory.archives import ArchiveSource
from mmebench.units import human_bytes
from mmebench.wire.target_names import TargetError

_log = logging.getLogger(__name__)

_ASKED_AFTER = 2
"""Targets, each time that a content is added."""

Unpack = Callable[[Path, Path, int], Path]
"""Unpacks an archive as a new directory of at most so many bytes; says where in it the model's files are."""


@dataclass(frozen=True)
class Content:
    """What an archive holds, whatever its name."""

    digest: str
    """SHA-256 of the archive."""
    directory: Path
    """Its files, ready to be loaded."""
    size: int
    """Bytes of these files together."""


@dataclass(frozen=True)
class Materialised:
    """A model made of an archive."""

    content: Content
    downloading: float = 0.0
    """Seconds until the archive was on this machine and read through once; 0 when that was done before."""
    unpacking: float = 0.0
    """Seconds until its files were there; 0 when they were."""

    @property
    def seconds(self) -> float:
        """Of both."""
        return self.downloading + self.unpacking


class ArchiveStore:
    """Unpacks each content once, and removes the least recently used that no model needs when space is short.

    Models get hard links to what was unpacked: a file with no other link is used by none, and removing a content
    never takes a file from a model. Thread-safe; all methods block.
    """

    def __init__(self, source: ArchiveSource, directory: Path, unpack: Unpack, budget: int | None = None) -> None:
        """Archives of ``source``, unpacked below ``directory``, where they may take ``budget`` bytes together."""
        self._source = source
        self._directory = directory
        self._unpack_archive = unpack
        self._budget = budget
        self._versions: OrderedDict[str, Hashable] = OrderedDict()
        """Of each target's archive, as it was when last made or looked for; the longest ago first."""
        self._digests: dict[Hashable, str] = {}
        """Of each of these versions."""
        self._contents: OrderedDict[str, Content] = OrderedDict()
        self._shelf = threading.Lock()
        """Held while contents are added, linked or removed; not while an archive is fetched or unpacked."""
        self._locks: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()
        """Of versions and contents, for as long as somebody holds or awaits them."""
        directory.mkdir(parents=True, exist_ok=True)

    def find(self, target: str) -> None:
        """See that there is an archive; raises as :meth:`materialise`."""
        self._version(target)

    def materialise(self, target: str, directory: Path) -> Materialised:
        """Make ``directory`` hold the model of ``target``, as hard links to what was unpacked.

        Raises:
            TargetError: there is no such archive.
            ArchiveError: it is damaged, hostile or half-written.
            ConfigError: its config.pbtxt cannot be used.
            DiskFullError: there is no space, though all was removed that no model uses.
            MmebenchError: the disk does not let us read or write.
        """
        version = self._version(target)
        with self._lock(version), disk_errors(directory):
            content = self._link(self._digests.get(version), directory)
            if content is not None:
                self._note(target, version, content.digest)
                return Materialised(content)
            started = time.perf_counter()
            with self._source.open(target, version, self._directory) as archive:
                digest = _digest(archive)
                self._source.confirm(target, version)  # or the digest would be kept for another's version
                here = time.perf_counter()
                with self._lock(digest):
                    content = self._link(digest, directory)
                    if content is None:
                        content = self._unpack(archive, digest)
                        try:
                            self._source.confirm(target, version)
                            self._add(content, directory)
                        except BaseException:
                            shutil.rmtree(self._directory / digest, ignore_errors=True)
                            raise
            made = Materialised(content, here - started, time.perf_counter() - here)
            self._note(target, version, digest)
        self._look_for_gone()
        return made

    def discard(self, digest: str) -> None:
        """Remove what was unpacked from an archive; models that were made of it keep their files."""
        with self._shelf:
            self._remove(digest)

    def _lock(self, thing: Hashable) -> threading.Lock:
        with self._shelf:
            lock = self._locks.get(thing)
            if lock is None:
                lock = self._locks[thing] = threading.Lock()
            return lock

    def _version(self, target: str) -> Hashable:
        """As the source has it now; a target that it has no more is forgotten."""
        try:
            return self._source.version(target)
        except TargetError:
            self._note(target, None)
            raise

    def _note(self, target: str, version: Hashable | None, digest: str = "") -> None:
        """Remember what stands behind a target now, and forget what stood there before and is nobody else's."""
        with self._shelf:
            before = self._versions.pop(target, None)
            if version is not None:
                self._versions[target] = version
                self._digests[version] = digest
            if before is not None and before not in self._versions.values():
                del self._digests[before]
                self._remove_nameless()

    def _look_for_gone(self) -> None:
        """Ask after the targets that were not asked for the longest: archives go without a word.

        As each new content asks after two, what is gone cannot gather.
        """
        with self._shelf:
            self._remove_nameless()
            longest_ago = list(islice(self._versions, _ASKED_AFTER))
        for target in longest_ago:
            with suppress(MmebenchError):  # the source does not answer, or the target is gone, which is noted
                version = self._version(target)
                with self._shelf:
                    if self._versions.get(target) == version:
                        self._versions.move_to_end(target)

    def _link(self, digest: str | None, directory: Path) -> Content | None:
        """Make ``directory`` of a content that is there already; None when it is not."""
        with self._shelf:
            content = self._contents.get(digest or "")
            if content is not None:
                self._contents.move_to_end(content.digest)
                _link_tree(content.directory, directory)
            return content

    def _add(self, content: Content, directory: Path) -> None:
        """Keep a new content, and make ``directory`` of it."""
        with self._shelf:
            self._make_room(content.size)
            if self._budget is not None and self._used + content.size > self._budget:
                raise DiskFullError(
                    f"unpacked archives in use take {human_bytes(self._used)} of the {human_bytes(self._budget)} "
                    f"allowed, and {human_bytes(content.size)} more are needed; give the endpoint more disk"
                )
            _link_tree(content.directory, directory)
            self._contents[content.digest] = content

    def _unpack(self, archive: Path, digest: str) -> Content:
        packed = archive.stat().st_size
        # Weights hardly compress; what grows more than this is not a model.
        limit = 20 * packed + 2**30
        if self._budget is not None:
            limit = min(limit, self._budget)
        with self._shelf:
            self._make_room(packed)  # they take this at least
        directory = self._directory / digest
        while True:
            try:
                model = self._unpack_archive(archive, directory, limit)
                break
            except DiskFullError:
                with self._shelf:
                    if not self._remove_unused():
                        raise
        size = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
        _log.info("unpacked %s: %s", archive.name, human_bytes(size))
        return Content(digest, model, size)

    @property
    def _used(self) -> int:
        return sum(content.size for content in self._contents.values())

    def _make_room(self, size: int) -> None:
        """Remove contents until the budget has room for ``size`` bytes, as far as that is possible."""
        while self._budget is not None and self._used + size > self._budget and self._remove_unused():
            pass

    def _remove_unused(self) -> bool:
        """Remove the least recently used content that no model uses; False when there is none."""
        for content in self._contents.values():
            if _is_unused(content):
                _log.info("removed unpacked archive %s: %s free", content.digest[:12], human_bytes(content.size))
                self._remove(content.digest)
                return True
        return False

    def _remove_nameless(self) -> None:
        """Remove the contents of archives that were replaced or are gone, if no model uses them."""
        named = set(self._digests.values())
        for content in [content for digest, content in self._contents.items() if digest not in named]:
            if _is_unused(content):
                self._remove(content.digest)

    def _remove(self, digest: str) -> None:
        if self._contents.pop(digest, None) is not None:
            shutil.rmtree(self._directory / digest, ignore_errors=True)


def _is_unused(content: Content) -> bool:
    """Whether no model has a link to any of its files."""
    return all(path.stat().st_nlink == 1 for path in content.directory.rglob("*") if path.is_file())


def _link_tree(source: Path, directory: Path) -> None:
    """Make ``directory`` the same files as ``source``, whatever it held."""
    shutil.rmtree(directory, ignore_errors=True)
    try:
        shutil.copytree(source, directory, copy_function=os.link)
    except shutil.Error as error:  # one line for each file; the first says it
        raise MmebenchError(f"{directory}: {error.args[0][0][2]}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
