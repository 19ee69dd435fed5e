"""Durations and sizes as people write them."""

import re

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|h)\s*")


def seconds(text: str | int | float) -> float:
    """Seconds in ``"200ms"``, ``"30s"``, ``"2m"`` or ``"1h"``; a bare number is seconds.

    Raises:
        ValueError: anything else, negative numbers included.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        if text < 0:
            raise ValueError(f"got {text}; a duration is not negative")
        return float(text)
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"got {text!r}; write a duration as 200ms, 30s, 2m or 1h")
    return float(match[1]) * _SECONDS[match[2]]


def human_bytes(size: float) -> str:
    """``1.5 GiB`` for 1610612736: binary units, three significant digits."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"


def human_seconds(duration: float) -> str:
    """``850 ms``, ``12.3 s`` or ``4 min 05 s``."""
    if duration < 1:
        return f"{duration * 1000:.3g} ms"
    if duration < 60:
        return f"{duration:.3g} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"


def human_number(value: float) -> str:
    """``0.123``, ``12.3`` or ``12346``: three significant digits, and never an exponent for a large number."""
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"
