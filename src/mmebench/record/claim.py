"""The claim on a results directory: one process at a time writes there."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from mmebench.errors import BadInputError
from mmebench.ownership import own

_FILE = ".claim"


@contextmanager
def claim(directory: Path) -> Iterator[None]:
    """Keep other processes from writing to ``directory``, which is there, as long as the context lasts.

    The kernel ends a claim with the process that has it, however that ends.

    Raises:
        BadInputError: another process has it.
    """
    path = directory / _FILE
    while True:
        with path.open("a+", encoding="utf-8") as file:
            if not own(file):
                raise BadInputError(
                    f"{directory}: {_holder(file)} writes its results there; let it end, or give another "
                    "directory with --results"
                )
            if not _is_still(path, file):
                continue  # who had it has just removed it
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()} ({_command()}, since {_now()})")
            file.flush()
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _holder(file: IO[str]) -> str:
    """Who has the claim, as it says itself."""
    file.seek(0)
    return file.read(1000).strip() or "another process"


def _is_still(path: Path, file: IO[str]) -> bool:
    """Whether the open file is the one that has the name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _command() -> str:
    """As it was called; of a module the name instead of its path."""
    return " ".join(["mmebench" if "mmebench" in sys.argv[0] else Path(sys.argv[0]).name, *sys.argv[1:]])


def _now() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")
