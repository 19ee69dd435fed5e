"""What is in a picture."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


def texts(figure: Figure) -> str:
    """All words of a figure, those of annotations too."""
    return "\n".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))  # type: ignore[attr-defined]


def course(line: Line2D) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Where the points of a line are, along x and along y."""
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
