"""Pictures that are drawn only where they would show something else than those that are there.

A picture carries the digest of what it shows and of what drew it, as its identifier among the metadata of PNG and
SVG. There is nothing beside it to be lost or to be out of step with it: one that was deleted, cut off, drawn by
another version or put there by another tool does not carry what is looked for, and is drawn.
"""

import inspect
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel
from threadpoolctl import threadpool_limits

from mmebench.errors import MmebenchError
from mmebench.report.own_code import OWN_PACKAGE, own_code

if TYPE_CHECKING:  # what only looks at pictures has no need of it
    from matplotlib.figure import Figure

_ENDS = {".png": b"IEND\xae\x42\x60\x82", ".svg": b"</svg>"}
"""Of a file that was not cut off."""
_BEGINNING, _END = 4096, 64
"""So many bytes hold the metadata, and the end."""
_ENOUGH = 8
"""Pictures for each process: in the time that it takes to start one, several are drawn."""
_MOST_PROCESSES = 8
"""Each takes 200 MB."""

one_thread = partial(threadpool_limits, 1, "blas")
"""Pictures invert thousands of matrices of three by three: on all cores most would wait for each other."""


class Picture(NamedTuple):
    """What is to be seen at a path."""

    path: Path
    """Of the PNG; the SVG is beside it."""
    draw: "Callable[..., Figure | None]"
    """A function of a module. Where it gives None there is nothing to show, and no picture is to be there."""
    of: tuple[object, ...]
    """What it is given: all that the picture depends on."""

    @property
    def files(self) -> tuple[Path, Path]:
        """PNG and SVG."""
        return self.path, self.path.with_suffix(".svg")

    @property
    def identifier(self) -> str:
        """Of what it shows and how: the same in every process, another one for anything else."""
        pickled = BytesIO()
        _Pickler(pickled).dump((self.draw, self.of))
        return f"mmebench-{sha256(_style(self.draw.__module__) + pickled.getvalue()).hexdigest()}"


class _Pickler(pickle.Pickler):
    """Of equal values the same bytes, whether or not parts of them are one object."""

    def __init__(self, file: BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.fast = True

    def reducer_override(self, value: object) -> Any:
        # Pydantic keeps a set of names beside the fields, which has another order in each process.
        return (type(value), (vars(value),)) if isinstance(value, BaseModel) else NotImplemented


@cache
def _style(module: str) -> bytes:
    """A digest of all that decides how pictures of this module look: code, matplotlib and its settings."""
    import matplotlib

    digest = sha256(own_code())
    # To ask for the backend would look for a screen.
    names = sorted(name for name in matplotlib.rcParams if not name.startswith("backend"))
    digest.update(repr([(name, matplotlib.rcParams[name]) for name in names]).encode())
    if module.partition(".")[0] != OWN_PACKAGE:  # an experiment that another package adds
        digest.update(inspect.getsource(sys.modules[module]).encode())
    return digest.digest()


def draw_changed(pictures: Sequence[Picture]) -> None:
    """Draw those that would show something else than what is there; several at once where they are many.

    Raises:
        OSError: one cannot be written. MmebenchError: a process that draws was ended.
    """
    identified = ((picture, picture.identifier) for picture in pictures)
    changed = [(picture, identifier) for picture, identifier in identified if not _is_there(picture, identifier)]
    count = min(_cores(), _MOST_PROCESSES, max(len(changed) // _ENOUGH, 1))
    # In turns: those of one run are next to each other, and take longer than those of another.
    own, *others = (changed[number::count] for number in range(count))
    with ExitStack() as ended_at_last:
        processes = [ended_at_last.enter_context(_process(part)) for part in others]
        _draw(own)
        for process in processes:
            _join(process)


def remove_picture(path: Path) -> None:
    """There is nothing to show: an older one must not stay, which showed other results."""
    for old in (path, path.with_suffix(".svg")):
        old.unlink(missing_ok=True)


def _is_there(picture: Picture, identifier: str) -> bool:
    return all(_carries(path, identifier.encode()) for path in picture.files)


def _carries(path: Path, identifier: bytes) -> bool:
    """Whether there is a whole picture that says it is this one."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
            file.seek(max(file.seek(0, os.SEEK_END) - _END, 0))
            return identifier in beginning and file.read().rstrip().endswith(_ENDS[path.suffix])
    except FileNotFoundError:
        return False


def _cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _draw(pictures: Sequence[tuple[Picture, str]]) -> None:
    if not pictures:
        return
    from mmebench.report.pictures.pictures import drawn, save

    with one_thread():
        for picture, identifier in pictures:
            figure = drawn(picture.draw, picture.of)
            if figure is None:
                remove_picture(picture.path)
            else:
                save(figure, picture.path, identifier)


@contextmanager
def _process(pictures: Sequence[tuple[Picture, str]]) -> "Iterator[subprocess.Popen[bytes]]":
    """One that draws these. Python's own pools would run the user's script again to find what they are to do."""
    process = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        try:
            assert process.stdin is not None, "as it was asked for"
            process.stdin.write(pickle.dumps(pictures))
            process.stdin.close()
            yield process
        finally:
            process.kill()


def _join(process: "subprocess.Popen[bytes]") -> None:
    """Wait for it to end; what went wrong there goes wrong here."""
    assert process.stdout is not None, "as it was asked for"
    said = process.stdout.read()
    if said:
        raise pickle.loads(said)
    if status := process.wait():
        raise MmebenchError(f"a process that draws pictures ended with status {status}; report again")


def main() -> None:
    """Draw the pictures that standard input has; standard output has the error, if any."""
    pictures = sys.stdin.buffer.read()  # all of it before anything is imported, for which the other end would wait
    try:
        _draw(pickle.loads(pictures))
    except Exception as error:
        pickle.dump(error, sys.stdout.buffer)
        sys.exit(1)


if __name__ == "__main__":
    main()
