"""The model.tar.gz that a multi-model endpoint serves: written the same each time, unpacked without trust.

An archive holds ``<model>/config.pbtxt`` and ``<model>/1/…``. SageMaker also takes ``config.pbtxt`` at the root
of the archive, files beside the folder, and the folders of an ensemble, so :func:`unpack` accepts these, too;
:func:`pack` writes the first, which single-model endpoints take as well. Nothing in an archive names its target,
so one archive can be copied under many names.
"""

import errno
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mmebench.errors import BadInputError, MmebenchError, disk_errors
from mmebench.formats import triton_config

# Weights hardly compress (to 93 % at any level), so the level that takes the least time is the right one.
_LEVEL = 1
_CHUNK = 1024 * 1024
_MAX_ENTRIES = 10_000
"""Files and folders, those included that are only named in the path of another entry."""
_MAX_DEPTH = 32
"""Names in a path: more than a model with a Python package inside of it has, and little enough to walk through."""
_MAX_NAME = 255
"""Bytes of each of them: what file systems take."""
_MAX_HEADER = 1024 * 1024
"""Bytes that tar may spend between two files: more than any honest header, little enough to hold in memory."""


class ArchiveError(BadInputError):
    """The archive is damaged, hostile, or not what Triton loads."""


def pack(folder: Path, archive: Path) -> str:
    """Write ``folder`` as the one top directory of ``archive``; the same files give the same bytes.

    Returns:
        The SHA-256 of the archive in hexadecimal.

    Raises:
        ArchiveError: the folder holds something other than files and directories, a symbolic link for example.
        MmebenchError: it cannot be written; nothing is left behind.
    """
    partial = archive.with_name(archive.name + ".part")
    try:
        with disk_errors(archive), partial.open("wb") as file:
            hashed = _Hashed(file)
            # Neither the archive's own name nor the time goes into the gzip header.
            with (
                gzip.GzipFile("", "wb", _LEVEL, hashed, mtime=0) as stream,
                tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
            ):
                for path in (folder, *sorted(folder.rglob("*"))):
                    _add(tar, path, path.relative_to(folder.parent).as_posix())
        partial.replace(archive)
    finally:
        partial.unlink(missing_ok=True)
    return hashed.digest.hexdigest()


def copy_distinct(archive: Path, copy: Path, number: int) -> None:
    """Write a copy that holds the same and is another archive by its bytes, a different one for each ``number``.

    What differs is the time in the gzip header (RFC 1952), which :func:`pack` leaves 0.
    """
    with disk_errors(copy):
        shutil.copyfile(archive, copy)
        with copy.open("r+b") as file:
            file.seek(4)
            file.write(number.to_bytes(4, "little"))


def unpack(archive: Path, directory: Path, limit: int) -> Path:
    """Unpack ``archive``, which must hold what Triton loads, as the new ``directory``.

    Args:
        archive: a model.tar.gz from anywhere.
        directory: where to; must not exist, its parent must.
        limit: the most bytes that the unpacked files may take together.

    Returns:
        The directory that holds ``config.pbtxt``: ``directory`` itself, or the one folder in it. Of several it is
        the ensemble; the models that it is made of lie beside it.

    Raises:
        ArchiveError: as :func:`extract`, or a layout that Triton does not load.
        MmebenchError: as :func:`extract`.
    """
    extract(archive, directory, limit)
    try:
        return _model_folder(directory, archive)
    except BaseException:
        shutil.rmtree(directory)
        raise


def extract(archive: Path, directory: Path, limit: int) -> None:
    """Unpack any gzipped tar as the new ``directory``, which appears whole or not at all.

    Raises:
        ArchiveError: not a gzipped tar, damaged, over the limit, an entry that is not a plain file or directory or
            that points out of the directory.
        MmebenchError: it cannot be read or written, or ``directory`` is there already.
    """
    if directory.exists():
        raise MmebenchError(f"{directory}: already there; remove it before unpacking {archive} again")
    with disk_errors(directory), tempfile.TemporaryDirectory(dir=directory.parent, prefix=".unpack-") as beside:
        root = Path(beside, "archive")
        root.mkdir()
        with archive.open("rb") as file, _damage(archive):
            _extract(_Metered(gzip.GzipFile(fileobj=file), archive), root, limit)
        root.rename(directory)


class _Hashed:
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


class _Metered:
    """A stream that gives no more than was allowed, so that neither a header nor a file grows without bound."""

    def __init__(self, file: gzip.GzipFile, archive: Path) -> None:
        self.file = file
        self.archive = archive
        self.left = 0

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise ArchiveError(f"{self.archive}: a tar header of more than {_MAX_HEADER} bytes; refused")
        return data


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """Add one file or directory without owner, time or permissions of this machine."""
    entry = tarfile.TarInfo(name)
    if path.is_dir() and not path.is_symlink():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
    elif path.is_file() and not path.is_symlink():
        entry.size, entry.mode = path.stat().st_size, 0o644
        with path.open("rb") as file:
            tar.addfile(entry, file)
    else:
        raise ArchiveError(f"{path}: only files and directories go into an archive; links and devices do not")


class _Tree:
    """What the entries of an archive make below ``root``: a bounded number of paths, each within bounds."""

    def __init__(self, root: Path, archive: Path) -> None:
        self._root = root
        self._archive = archive
        self._entries = 0
        self._folders = {PurePosixPath()}

    def place(self, entry: tarfile.TarInfo) -> Path:
        """Where the entry goes, or ArchiveError."""
        name = PurePosixPath(entry.name)
        if name.is_absolute() or ".." in name.parts or "\0" in entry.name:
            raise self._refusal(f"entry {_short(entry.name)} points out of the archive; refused")
        if len(name.parts) > _MAX_DEPTH:
            raise self._refusal(
                f"entry {_short(entry.name)} lies more than {_MAX_DEPTH} folders deep; a model is flat"
            )
        if any(len(os.fsencode(part)) > _MAX_NAME for part in name.parts):
            raise self._refusal(
                f"entry {_short(entry.name)} has a name longer than the file system takes; shorten it"
            )
        self._entries += 1  # also those that say again what is there
        self._folders.update(name.parents)
        if self._entries + len(self._folders) > _MAX_ENTRIES:
            raise self._refusal(f"more than {_MAX_ENTRIES} files and folders; a model has a few")
        return self._root / name

    def _refusal(self, why: str) -> ArchiveError:
        return ArchiveError(f"{self._archive}: {why}")


def _short(name: str) -> str:
    """For messages."""
    return repr(name if len(name) <= 100 else name[:100] + "…")


def _extract(stream: _Metered, root: Path, limit: int) -> None:
    """Write each entry below ``root``, then read on to the end, where gzip keeps its checksum."""
    archive, total, tree = stream.archive, 0, _Tree(root, stream.archive)
    stream.left = _MAX_HEADER
    with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]  # it only reads
        for entry in tar:
            total += entry.size
            if entry.size < 0 or total > limit:
                raise ArchiveError(f"{archive}: unpacks to more than the limit of {limit} bytes")
            stream.left = entry.size + _MAX_HEADER
            _write(tar, entry, tree.place(entry), archive)
    stream.left = _MAX_HEADER
    while stream.read(_CHUNK // 16):
        pass


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path, archive: Path) -> None:
    """Write one entry as ``path``, or refuse it."""
    if entry.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    data = tar.extractfile(entry) if entry.isfile() and not entry.issparse() else None
    if data is None:
        raise ArchiveError(
            f"{archive}: entry {_short(entry.name)} is a link or a device; only files and directories may be"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(data, file, _CHUNK)


def _model_folder(root: Path, archive: Path) -> Path:
    """The folder in ``root`` that Triton would load: the only one, or of several the ensemble.

    Files beside it (``._model``, ``.DS_Store``, a README) are no part of it.
    """
    tops = sorted(root.iterdir())
    folders = [root] if root / "config.pbtxt" in tops else [top for top in tops if top.is_dir()]
    if len(folders) > 1:
        folders = [folder for folder in folders if _is_ensemble(folder / "config.pbtxt", archive)]
    if len(folders) != 1 or not (folders[0] / "config.pbtxt").is_file():
        found = ", ".join(top.name for top in tops[:5]) or "nothing"
        raise ArchiveError(
            f"{archive}: at its top is {found}; allowed: one folder with config.pbtxt and 1/, just these two, "
            "or several such folders, one of them an ensemble"
        )
    (folder,) = folders
    if not any(version.is_dir() and version.name.isdecimal() for version in folder.iterdir()):
        raise ArchiveError(f"{archive}: no version folder beside config.pbtxt; put the model file into 1/")
    return folder


def _is_ensemble(path: Path, archive: Path) -> bool:
    """Whether a folder's config says so; it may leave out what is in the model."""
    if not path.is_file():
        return False
    text, where = path.read_text(encoding="utf-8", errors="replace"), path.relative_to(path.parents[1]).as_posix()
    try:
        return triton_config.served_by(triton_config.parse_partial(text, where)) == "ensemble"
    except BadInputError as error:
        raise ArchiveError(f"{archive}: {error}") from None


@contextmanager
def _damage(archive: Path) -> Iterator[None]:
    """Turn what gzip and tar say about broken data into one error."""
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError) as error:
        raise ArchiveError(f"{archive}: damaged, or not a gzipped tar ({error}); write it again") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ArchiveError(
            f"{archive}: two entries claim the same path ({error.filename}); write it again"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.EILSEQ):
            raise
        raise ArchiveError(
            f"{archive}: an entry's name is none that the file system takes ({error.strerror}); change it"
        ) from error
