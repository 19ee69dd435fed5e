"""A file that takes another's place only when it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to: it takes its place at the end, and is removed if anything went wrong.

    A disk that is full and a process that is killed leave what was there before. Of several processes that write
    it at once the last one's stays.
    """
    for left in path.parent.glob(f".{escape(path.name)}.*.part"):
        import psutil  # most need not look

        if (process := left.name.split(".")[-2]).isdecimal() and not psutil.pid_exists(int(process)):
            left.unlink(missing_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Make ``text`` the content of the file, all of it or nothing."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
