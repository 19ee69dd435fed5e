"""Durations and sizes as people write them."""

import math
import re
from typing import Any

DURATION = r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|h)\s*"
SIZE = r"\s*(\d+(?:\.\d+)?)\s*([kKmMgGtT]?i?[bB]|[kKmMgGtT])\s*"
SHARE = r"\s*(\d+(?:\.\d+)?)\s*%\s*"
"""Regular expressions of what is written with a unit; number and unit are their groups."""
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
LEAST_WITHOUT_UNIT = 1024**2
"""Bytes: whoever writes less has forgotten the unit."""


def seconds(text: str | int | float) -> float:
    """Seconds in ``"200ms"``, ``"30s"``, ``"2m"`` or ``"1h"``; a bare number is seconds.

    Raises:
        ValueError: anything else, negative numbers included.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        if text < 0:
            raise ValueError(f"got {text}; a duration is not negative")
        return float(text)
    match = re.fullmatch(DURATION, text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"got {text!r}; write a duration as 200ms, 30s, 2m or 1h")
    return float(match[1]) * _SECONDS[match[2]]


def size(text: str | int | float) -> int:
    """Bytes in ``"4GiB"``, ``"500MB"`` or ``"1.5g"`` (of 1000), or in a number.

    Raises:
        ValueError: anything else; also a number so small that a unit was forgotten.
    """
    match = re.fullmatch(SIZE, text) if isinstance(text, str) else None
    if match is not None:
        unit = match[2].lower().removesuffix("b")
        base = 1024 if unit.endswith("i") else 1000
        return int(float(match[1]) * base ** " kmgt".index(unit[:1] or " "))
    number = int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else text
    if isinstance(number, bool) or not isinstance(number, int | float) or number < 0 or number % 1:
        raise ValueError(f"got {text!r}; write a size as 4GiB, 500MB or a number of bytes")
    if number < LEAST_WITHOUT_UNIT:
        raise ValueError(f"got {text!r}, which is that many bytes; write a size with its unit, as 4GiB or 500MB")
    return int(number)


def share(text: str | int | float) -> float:
    """0.01 in ``"1%"``, or a number as it is.

    Raises:
        ValueError: anything else.
    """
    number = part(text)
    if isinstance(number, int | float) and not isinstance(number, bool):
        return float(number)
    raise ValueError(f"got {text!r}; write a share as 1% or 0.01")


def part(text: Any) -> Any:
    """0.7 in ``"70%"``; anything else as it is."""
    match = re.fullmatch(SHARE, text) if isinstance(text, str) else None
    return text if match is None else float(match[1]) / 100


def counted(number: int, noun: str) -> str:
    """``1 request``, ``2,500 requests``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def human_bytes(size: float) -> str:
    """``1.5 GiB`` for 1610612736: binary units, three significant digits; a thousandth of a byte is none."""
    if abs(size) < 1e-3:
        return "0 B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"


_IN_HOURS = 120
"""Minutes from which on nobody asks for seconds."""


def human_seconds(duration: float) -> str:
    """``850 ms``, ``12.3 s``, ``4 min 05 s`` or ``24 h 00 min``; of what nobody knows, ``an unknown time``."""
    if not math.isfinite(duration):
        return "an unknown time"
    if duration < 1:
        return f"{duration * 1000:.3g} ms"
    if duration < 60:
        return f"{duration:.3g} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < _IN_HOURS:
        return f"{minutes} min {rest:02d} s"
    return "{} h {:02d} min".format(*divmod(round(duration / 60), 60))


def human_number(value: float) -> str:
    """``0.123``, ``12.3`` or ``12346``: three significant digits, and never an exponent for a large number."""
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"
