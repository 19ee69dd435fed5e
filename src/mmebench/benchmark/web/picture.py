"""What the live page shows at the moment, and the seconds of the load under way."""

import threading
from collections import deque
from typing import Any

from mmebench.load.processes.events import Live

_MOST_SECONDS = 900
_MOST_LINES = 200


class LivePicture:
    """Told by the benchmark, asked by the page's server; both at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._step: dict[str, Any] = {"name": "begin", "share": None, "where": "", "now": ""}
        self._total: float | None = None
        self._whole: dict[str, Any] | None = None
        self._coming_up: dict[str, str] = {}
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._seconds: deque[dict[str, Any]] = deque(maxlen=_MOST_SECONDS)
        self._load = 0

    def step(self, name: str, total: float | None) -> None:
        """Another step begins; without a total nobody knows how far it is."""
        with self._lock:
            self._total = total
            self._step = {"name": name, "share": None, "where": "", "now": ""}

    def expect(self, total: float) -> None:
        """The total is known now."""
        with self._lock:
            self._total = total

    def show(self, now: str, completed: float | None, where: str) -> None:
        """What the step does, how much of it is over, and that in a few words."""
        with self._lock:
            share = completed / self._total if self._total and completed is not None else None
            self._step |= {"share": share, "where": where, "now": now}

    def show_whole(self, name: str, share: float, left: str) -> None:
        """How far all of it is."""
        with self._lock:
            self._whole = {"name": name, "share": share, "left": left}

    def coming_up(self, what: str, message: str) -> None:
        """An endpoint is being made."""
        with self._lock:
            self._coming_up[what] = message

    def came_up(self, what: str) -> None:
        """It is there, or has failed."""
        with self._lock:
            self._coming_up.pop(what, None)

    def say(self, line: str) -> None:
        """What has happened."""
        with self._lock:
            self._lines.append(line)

    def second(self, live: Live) -> None:
        """Of the load under way; one that is earlier than the last is of another load."""
        known = {
            "at": live.at,
            "stage": live.stage + 1,
            "users": live.users,
            "rate": live.successes_per_second,
            "failed": live.failures_per_second,
            "p50": live.p50,
            "p99": live.p99,
            "resident": live.resident,
            "usd": live.usd,
        }
        with self._lock:
            if self._seconds and live.at < self._seconds[-1]["at"]:
                self._seconds.clear()
                self._load += 1
            self._seconds.append(known)

    def describe(self) -> dict[str, Any]:
        """All of it, to be sent as JSON."""
        with self._lock:
            return {
                "step": dict(self._step),
                "whole": self._whole,
                "coming_up": dict(self._coming_up),
                "lines": list(self._lines),
                "load": self._load,
                "seconds": list(self._seconds),
            }
