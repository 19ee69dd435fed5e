"""Labels beside points, where they cover neither each other nor another point."""

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

_SIZE = 8.5
_WIDTH, _HEIGHT = 0.6 * _SIZE, 1.5 * _SIZE
"""Of a letter and of a line, in points; rather too much than too little."""
_POINT = 4.0
"""Half of what a point takes."""


class Label(NamedTuple):
    """What is to be written beside a point; ``x`` and ``y`` are in the units of the axes."""

    x: float
    y: float
    text: str
    colour: str


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: "_Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds(self, other: "_Box") -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )


# Near first; above and below before the sides, where lines come and go.
_DIRECTIONS = ((0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0))
_DISTANCES = (7.0, 16.0, 28.0)


def place_labels(axes: Axes, labels: Iterable[Label], points: Iterable[tuple[float, float]]) -> list[str]:
    """Write each label where there is room for it, with a thin line to its point where that is not beside it.

    Args:
        axes: whose limits are final.
        labels: those that matter most first.
        points: what may not be covered, in the units of the axes.

    Returns:
        The texts for which no room was left, which are not written.
    """
    scale = 72 / axes.figure.get_dpi()

    def place(x: float, y: float) -> tuple[float, float]:
        # The layout is not made yet; it will give the axes more room than they have here, not less.
        across, up = axes.transData.transform((x, y)) * scale
        return float(across), float(up)

    bounds = axes.get_window_extent()
    frame = _Box(*(float(edge) * scale for edge in (bounds.x0, bounds.y0, bounds.x1, bounds.y1)))
    taken = [
        _Box(x - _POINT, y - _POINT, x + _POINT, y + _POINT)
        for x, y in (place(*point) for point in points)
        if np.isfinite([x, y]).all()
    ]
    left_over = []
    for label in labels:
        at = place(label.x, label.y)
        for distance, direction in product(_DISTANCES, _DIRECTIONS):
            box = _box(at, label.text, distance, direction)
            if frame.holds(box) and not any(box.meets(other) for other in taken):
                taken.append(box)
                _write(axes, label, distance, direction)
                break
        else:
            left_over.append(label.text)
    return left_over


def _box(at: tuple[float, float], text: str, distance: float, direction: tuple[int, int]) -> _Box:
    """What a label takes."""
    width, height = _WIDTH * len(text), _HEIGHT
    x, y = (where + distance * step for where, step in zip(at, direction, strict=True))
    left, bottom = x - width * (1 - direction[0]) / 2, y - height * (1 - direction[1]) / 2
    return _Box(left, bottom, left + width, bottom + height)


def _write(axes: Axes, label: Label, distance: float, direction: tuple[int, int]) -> None:
    across, up = direction
    axes.annotate(
        label.text,
        (label.x, label.y),
        (distance * across, distance * up),
        textcoords="offset points",
        ha={-1: "right", 0: "center", 1: "left"}[across],
        va={-1: "top", 0: "center", 1: "bottom"}[up],
        fontsize=_SIZE,
        color=label.colour,
        arrowprops=None
        if distance == _DISTANCES[0]
        else {"arrowstyle": "-", "color": label.colour, "linewidth": 0.6, "shrinkB": _POINT},
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
    )
