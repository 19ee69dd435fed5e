"""Where archives come from: what the archive store asks of a folder or of S3."""

from collections.abc import Hashable
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Protocol

from mmebench.errors import BadInputError

_LONGEST_NAME = 1024
"""The longest TargetModel that the SageMaker Runtime API allows."""


class TargetError(BadInputError):
    """No archive can stand behind this target name, or none does."""


class ArchiveSource(Protocol):
    """Archives by target name, looked up anew at each call. Thread-safe; all methods block."""

    def version(self, target: str) -> Hashable:
        """What tells this archive from any other that has had or will have its name.

        Raises:
            TargetError: there is no such archive, or we may not read it.
            MmebenchError: the source does not answer.
        """

    def open(self, target: str, version: Hashable, scratch: Path) -> AbstractContextManager[Path]:
        """The archive of this version as a file of this machine, for as long as the context lasts.

        What has to be downloaded goes to a folder in ``scratch`` and is removed at the end of the context.

        Raises:
            TargetError: it is gone or another by now. MmebenchError: it cannot be fetched.
        """

    def confirm(self, target: str, version: Hashable) -> None:
        """Raise TargetError unless what was read since it was opened is all of this version."""

    def is_empty(self) -> bool:
        """Whether there is no archive at all, yet."""


def archive_name(target: str) -> PurePosixPath:
    """The path of the archive of ``target``, relative to where archives are.

    Raises:
        TargetError: there can be no archive of this name.
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
    return name


def no_archive(target: str) -> TargetError:
    """The error for a name behind which nothing stands."""
    return TargetError(f"no archive {target!r} in the store; put it there and ask again")
