"""What is in a picture."""

from matplotlib.figure import Figure


def texts(figure: Figure) -> str:
    """All words of a figure, those of annotations too."""
    return "\n".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))  # type: ignore[attr-defined]
