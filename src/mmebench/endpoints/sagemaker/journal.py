"""The journal of a run: what is about to be created, on disk before it is.

One file a run, ``$XDG_STATE_HOME/mmebench/journals/<run>.jsonl``: a line that tells the account apart, then one
line a resource. Its process holds a lock on it. A journal that nobody holds was left by a run that died; what it
names must be deleted, in that account, and then it goes too.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO

from mmebench.endpoints.sagemaker.names import Resource
from mmebench.errors import disk_errors
from mmebench.ownership import create_owned, is_owned, own


def directory() -> Path:
    """Where journals are, whether it exists or not."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "mmebench", "journals")


class Journal:
    """That of a run under way; made by :func:`begin`."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self.path = path
        self._file = file
        self.account: str | None = None
        """:func:`account_mark` of the account that everything is in; None in a journal of an older version."""
        self.resources: list[Resource] = []
        self.kept_until: datetime | None = None
        """Somebody wants what it names to stay until then."""

    @property
    def run(self) -> str:
        """The name of the run that it is of."""
        return self.path.stem

    def enter(self, resource: Resource) -> None:
        """Say that ``resource`` is about to be created; on disk when this returns.

        Raises:
            MmebenchError: it cannot be written, so that nothing must be created.
        """
        self._write(asdict(resource))
        self.resources.append(resource)

    def belong_to(self, account: str) -> None:
        """Say which account everything is in, by its number."""
        self.account = account_mark(account)
        self._write({"account": self.account})

    def _write(self, line: dict[str, str]) -> None:
        with disk_errors(self.path):
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def keep(self, until: datetime) -> None:
        """Say that everything is to stay until then, and let go of it."""
        self.kept_until = until
        self._write({"kept_until": until.isoformat()})
        self.close()

    def close(self) -> None:
        """Let go of it; what it names is somebody else's to delete."""
        self._file.close()

    def remove(self) -> None:
        """All that it names is gone."""
        self.path.unlink(missing_ok=True)
        self.close()


def account_mark(account: str) -> str:
    """Tells accounts apart without their numbers."""
    return hashlib.sha256(account.encode()).hexdigest()[:16]


def begin(run: str, account: str) -> Journal:
    """The journal of a new run in ``account``, without a resource, on disk and locked.

    Raises:
        MmebenchError: it cannot be written.
    """
    path = directory() / f"{run}.jsonl"
    with disk_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)  # it may be of an older version
        journal = Journal(path, create_owned(path))
        journal.belong_to(account)
        _sync(path.parent)
    return journal


def is_live(run: str) -> bool:
    """Whether a process of this machine holds the journal of ``run``."""
    return is_owned(directory() / f"{run}.jsonl")


def kept_until(run: str) -> datetime | None:
    """Until when what ``run`` left on purpose is to stay; None where this machine knows of nothing."""
    path = directory() / f"{run}.jsonl"
    try:
        with path.open(encoding="utf-8") as file:
            return read(path, file).kept_until
    except FileNotFoundError:
        return None


def left_behind() -> Iterator[Journal]:
    """The journals that nobody holds, each held by us while it is looked at."""
    for path in sorted(directory().glob("*.jsonl")):
        with _held(path) as journal:
            if journal is not None:
                yield journal


@contextmanager
def _held(path: Path) -> Iterator[Journal | None]:
    try:
        file = path.open("r+", encoding="utf-8")
    except FileNotFoundError:
        yield None
        return
    with file:
        yield read(path, file) if own(file) else None


def read(path: Path, file: IO[str]) -> Journal:
    """Of whole lines only: one that was cut off belongs to a call that was never made."""
    journal = Journal(path, file)
    for line in file:
        try:
            found = json.loads(line)
            if "account" in found:
                journal.account = str(found["account"])
            elif "kept_until" in found:
                journal.kept_until = datetime.fromisoformat(found["kept_until"])
            else:
                journal.resources.append(Resource(**found))
        except (ValueError, TypeError):
            continue
    return journal


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
