"""Pictures of nothing much."""

import os
from pathlib import Path

from matplotlib.figure import Figure

from mmebench.report.pictures.drawing import Picture


def line(height: float, words: str) -> Figure | None:
    """None of a line without a height."""
    if height == 0:
        return None
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, height], label=words)
    return figure


def ending(words: str) -> Figure | None:
    """Whoever draws this is gone, as one whom the kernel took for its memory."""
    os._exit(9)


def picture(path: Path, height: float = 1, words: str = "") -> Picture:
    """A line of this height."""
    return Picture(path, line, (height, words))
