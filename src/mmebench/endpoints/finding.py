"""What a doctor found: one condition of many, each looked at by itself."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from mmebench.errors import MmebenchError


@dataclass(frozen=True)
class Finding:
    """One condition. ``passed`` is None where nobody could look, or where it depends on what is wanted."""

    name: str
    passed: bool | None
    text: str
    """What was found, or what to do."""


def ask(name: str, look: Callable[[], tuple[bool | None, str]]) -> Finding:
    """What ``look`` found; an error is a finding, too, also one of the system, as where the disk is full."""
    try:
        return Finding(name, *look())
    except (MmebenchError, OSError, subprocess.SubprocessError) as error:
        return Finding(name, False, str(error))
