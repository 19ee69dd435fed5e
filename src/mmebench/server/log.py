"""What the local endpoint's log takes: so much of a line, and so many lines of a kind, whatever clients do."""

import logging
import time
from collections.abc import Callable

from typing_extensions import override

_LINE = 1000
"""Characters of a message."""
_WINDOW_SECONDS = 10.0
_LINES = 20
"""Of the same kind in a window."""


class Moderation(logging.Filter):
    """Shortens messages, shows control characters as escapes, and leaves out what is said too often.

    Lines are of a kind when they were logged with the same text before its parameters were put in. How many were
    left out is said with the first of them in the next window.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._began = clock()
        self._said: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        if now - self._began >= _WINDOW_SECONDS:
            self._began = now
            self._left_out = {kind: count - _LINES for kind, count in self._said.items() if count > _LINES}
            self._said = {}
        kind = f"{record.name} {record.msg}"
        self._said[kind] = self._said.get(kind, 0) + 1
        if self._said[kind] > _LINES:
            return False
        record.msg, record.args = _shown(record.getMessage()), None
        if (count := self._left_out.pop(kind, 0)) > 0:
            record.msg += f" ({count} more like this were left out)"
        return True


def _shown(message: str) -> str:
    """One line of text, without what a terminal would obey."""
    short = message if len(message) <= _LINE else f"{message[:_LINE]}… ({len(message)} characters)"
    return (
        short
        if short.isprintable()
        else "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode()
            for character in short
        )
    )
