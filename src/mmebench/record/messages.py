"""What failed answers say, so that those that say the same are told to."""

import re

_LONGEST = 300
_VARYING = re.compile(r"[\w.-]+\.tar\.gz|\b0x[0-9a-f]+|\d+(?:\.\d+)?")


def normalised(text: str) -> str:
    """Without what differs from one to the next: numbers and archives are ``#``; its beginning, if it is long."""
    return _VARYING.sub("#", text.strip())[:_LONGEST]
