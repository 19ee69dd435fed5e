"""What failed answers say: grouped by what is the same in them, with the first body of each group."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mmebench.record.messages import normalised

LONGEST_BODY = 2048
"""Bytes of a failed answer that are looked at."""

_MOST_GROUPS = 50
_MESSAGES = ("OriginalMessage", "error", "Message", "message", "ErrorMessage")
_OTHERS = "another message"


@dataclass
class Complaint:
    """Answers that failed alike."""

    error: str
    """What AWS or the client calls it."""
    status: int
    """0 where no answer came."""
    message: str
    """In the container's own words; numbers and archives, which differ from one to the next, as ``#``."""
    count: int
    body: str
    """The first one's body, or the beginning of it."""


class Complaints:
    """Those of one client process, or of a stage, until they are taken."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, int, str], Complaint] = {}
        self._known: set[str] = set()

    def note(self, error: str, status: int, body: bytes) -> None:
        """An answer failed; ``body`` is at most :data:`LONGEST_BODY` of it."""
        message = read_message(body)
        known = self._groups.get((error, status, message))
        if known is None:
            self.add(Complaint(error, status, message, 1, _printable(body)))
        else:
            known.count += 1

    def add(self, complaint: Complaint) -> None:
        """Of several answers, perhaps of another process."""
        if complaint.message not in self._known:
            if len(self._known) < _MOST_GROUPS:
                self._known.add(complaint.message)
            else:
                complaint = replace(complaint, message=_OTHERS)
        group = (complaint.error, complaint.status, complaint.message)
        if (known := self._groups.get(group)) is None:
            self._groups[group] = complaint
        else:
            known.count += complaint.count

    def take(self) -> list[Complaint]:
        """What was noted since this was last asked."""
        taken = list(self._groups.values())
        self._groups.clear()
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
