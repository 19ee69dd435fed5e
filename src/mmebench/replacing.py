"""A file that takes another's place only when it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to: it takes its place at the end, and is removed if anything went wrong.

    A disk that is full and a process that is killed leave what was there before.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Make ``text`` the content of the file, all of it or nothing."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
