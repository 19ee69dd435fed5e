"""Where archives come from: what the archive store asks of a folder or of S3."""

from collections.abc import Hashable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from mmebench.wire.target_names import TargetError


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


def no_archive(target: str) -> TargetError:
    """The error for a name behind which nothing stands."""
    return TargetError(f"no archive {target!r} in the store; put it there and ask again")
