"""What failed answers say: grouped by what is the same in them, with the first body of each group."""

import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mmebench.record.messages import normalised
from mmebench.record.run import FailedAlike

LONGEST_BODY = 2048
"""Bytes of a failed answer that are looked at."""

_MOST_GROUPS = 50
_MESSAGES = ("OriginalMessage", "error", "Message", "message", "ErrorMessage")
_OTHERS = "another message"


class Complaints:
    """Those of one client process, or of a stage, until they are taken."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, int, str], FailedAlike] = {}
        self._counts: Counter[tuple[str, int, str]] = Counter()
        self._known: set[str] = set()

    def note(self, error: str, status: int, body: bytes) -> None:
        """An answer failed; ``body`` is at most :data:`LONGEST_BODY` of it."""
        group = error, status, read_message(body)
        if group in self._groups:
            self._counts[group] += 1
        else:
            self.add(FailedAlike(error=error, status=status, message=group[2], count=1, body=_printable(body)))

    def add(self, failed: FailedAlike) -> None:
        """Several answers, perhaps of another process."""
        message = failed.message
        if message not in self._known:
            if len(self._known) < _MOST_GROUPS:
                self._known.add(message)
            else:
                message = _OTHERS
        group = failed.error, failed.status, message
        self._groups.setdefault(group, failed)
        self._counts[group] += failed.count

    def take(self) -> tuple[FailedAlike, ...]:
        """What was noted since this was last asked."""
        taken = tuple(
            first.model_copy(update={"message": group[2], "count": self._counts[group]})
            for group, first in self._groups.items()
        )
        self._groups.clear()
        self._counts.clear()
        return taken


@lru_cache(maxsize=256)
def read_message(body: bytes) -> str:
    """The message in the body of a failed answer; empty where it has none.

    SageMaker wraps what the container said as ``OriginalMessage``, and containers put theirs under ``error``.
    """
    text = _printable(body)
    for _ in range(3):
        inner = _inner(text)
        if inner is None:
            break
        text = inner
    return normalised(text)


def _inner(text: str) -> str | None:
    """What a JSON object in ``text`` gives as its message."""
    try:
        known: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(known, Mapping):
        return None
    given = [known[name] for name in _MESSAGES if name in known]
    return next((message for message in given if isinstance(message, str)), "" if given else None)


def _printable(body: bytes) -> str:
    """As text that does nothing to a terminal or a table."""
    text = body.decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text)
