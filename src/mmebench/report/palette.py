"""What tells the runs of a report apart, in colour and in grey: a run has one colour in all its pictures."""

from typing import Any

COLOURS = ("#17508a", "#b05400", "#1b7a4b", "#a3195b", "#6a4bc0", "#0b6f7f", "#806400", "#4d5866")
"""On white, one after another. Words in them can be read there, as WCAG 2 has it: contrast 4.5 or more."""
COLOURS_ON_BLACK = ("#78b4f2", "#f0a050", "#63cf98", "#f08abf", "#b9a4f7", "#58c9d6", "#d9c04a", "#b3bcc9")
"""The same runs on black."""
MARKERS = "os^Dv*"
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3)))
QUIET = "#999999"
"""Of what is no measurement: bounds, windows."""


def colour_of(number: int) -> str:
    """Of the line with this number, from 0."""
    return COLOURS[number % len(COLOURS)]


def marker_of(number: int) -> str:
    """Another one where a colour comes again."""
    return MARKERS[sum(divmod(number, len(COLOURS))) % len(MARKERS)]


def dashes_of(number: int) -> Any:
    """Another one where a colour comes again."""
    return DASHES[sum(divmod(number, len(COLOURS))) % len(DASHES)]
