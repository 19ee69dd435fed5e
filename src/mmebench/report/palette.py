"""What tells the lines of a picture apart, in colour and in grey."""

from typing import Any

SERIES = ("#1f4e79", "#e08a1e", "#5b9279", "#a4161a", "#8d99ae", "#6a4c93")
"""Colours one after another; each differs in lightness from its neighbours."""
ON_ANY_GROUND = ("#3b78b0", "#e08a1e", "#4f9d69", "#c8553d", "#8a6bbf", "#4aa5a8", "#b05b8c", "#8d99ae")
"""The same for pages, readable on white and on black."""
MARKERS = "os^Dv*"
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1.2)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3)))
QUIET = "#999999"
"""Of what is no measurement: bounds, windows."""


def colour_of(number: int) -> str:
    """Of the line with this number, from 0."""
    return SERIES[number % len(SERIES)]


def marker_of(number: int) -> str:
    """Another one where a colour comes again."""
    return MARKERS[(number + number // len(SERIES)) % len(MARKERS)]


def dashes_of(number: int) -> Any:
    """Another one where a colour comes again."""
    return DASHES[(number + number // len(SERIES)) % len(DASHES)]
