"""A chart of report.html with its title."""

from collections.abc import Callable
from typing import NamedTuple

from mmebench.report.page.plot import NARROW, WIDE, Size


class Chart(NamedTuple):
    """What is drawn, twice, and what it is."""

    title: str
    about: str
    """Below the title: which figure it is, in which unit, and what marks mean."""
    wide: str
    narrow: str
    run: int | None = None
    """Whose it is, where it is of one run alone."""


def make(title: str, about: str, draw: Callable[[Size, str], str], run: int | None = None) -> Chart:
    """``draw`` gets a size and what the drawing is to be called."""
    said = f"{title}: {about}"
    return Chart(title, about, draw(WIDE, said), draw(NARROW, said), run)
