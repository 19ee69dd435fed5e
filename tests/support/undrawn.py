"""Pictures of runs at which nobody looks: made, but not rendered, which is most of what a small run computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine


@contextmanager
def blank() -> Iterator[None]:
    """Within the block nothing is rendered: for fixtures that many tests share."""
    with pytest.MonkeyPatch.context() as patch:
        leave_blank(patch)
        yield


def leave_blank(patch: pytest.MonkeyPatch | None = None) -> None:
    """From now on, in this process: what is saved is an empty file. Undone by the patch, where there is one."""
    patch = patch or pytest.MonkeyPatch()
    patch.setattr(Figure, "savefig", _touch)
    patch.setattr(ConstrainedLayoutEngine, "execute", lambda engine, figure: None)


def _touch(figure: Figure, path: Path, **_: Any) -> None:
    path.touch()
