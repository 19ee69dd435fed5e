"""The pace: which caller sends which request at what moment.

In a closed loop each caller sends its next request when its last one is answered. In an open loop requests are
due at times that nobody can delay; one that finds no caller free waits, and its wait is part of its latency.
"""

from collections import deque
from collections.abc import Iterator
from time import monotonic_ns
from typing import Protocol

import gevent
from typing_extensions import override

from mmebench.load.client.alarm import PunctualAlarm, guarded
from mmebench.load.client.caller import Caller

NO_ANSWER_PAUSE_SECONDS = 0.1
"""A user who got no answer waits this long, so that an endpoint that is down does not make a million failures."""

_STARTS_AT_ONCE = 64
"""Requests that are started before answers are looked at again."""


class Pace(Protocol):
    """What a load client asks of either loop."""

    def joined(self, caller: Caller) -> None:
        """A new caller is there."""

    def freed(self, caller: Caller, status: int) -> None:
        """A caller has got its answer."""

    def left(self, caller: Caller) -> None:
        """A caller is gone."""

    def stop(self) -> None:
        """Start no more requests."""


class ClosedPace(Pace):
    """Each caller: send, wait for the answer, think, send again.

    All answers that are here are read before anybody sends again: none of them is to wait, and be timed late,
    while requests are sent, which takes much longer than to read an answer.
    """

    def __init__(self) -> None:
        self._think_times: Iterator[float] | None = None
        self._keys: Iterator[int] | None = None
        self._stopped = True
        self._early: list[Caller] = []
        """Who joined before there was anything to ask."""
        self._free: list[Caller] = []
        # Of the lowest priority, so that it comes after all that the hub does before it waits for events again.
        self._before_waiting = gevent.get_hub().loop.prepare(priority=-2)
        self._before_waiting.start(guarded(self._ask_free))

    def begin(self, keys: Iterator[int], think_times: Iterator[float] | None = None) -> None:
        """Ask for these requests from now on; a later stage goes on with them.

        Args:
            keys: one for each request.
            think_times: one for each answer, in seconds; None for users who do not think.
        """
        if self._keys is None:
            self._keys, self._think_times = keys, think_times
        self._stopped = False
        early, self._early = self._early, []
        for caller in early:
            self._ask(caller)

    @override
    def joined(self, caller: Caller) -> None:
        if self._keys is None:
            self._early.append(caller)
        else:
            self._ask(caller)

    @override
    def freed(self, caller: Caller, status: int) -> None:
        if status and self._think_times is None:
            self._free.append(caller)
            return
        seconds = 0.0 if self._think_times is None else next(self._think_times)
        caller.pause(seconds if status else max(seconds, NO_ANSWER_PAUSE_SECONDS), self._ask)

    def _ask_free(self) -> None:
        if not self._free:
            return
        free, self._free = self._free, []
        if not self._stopped and self._keys is not None:
            for caller, key in zip(free, self._keys, strict=False):
                caller.send(key)

    def _ask(self, caller: Caller) -> None:
        if not self._stopped and self._keys is not None:
            caller.send(next(self._keys))

    @override
    def left(self, caller: Caller) -> None:
        for waiting in (self._early, self._free):
            if caller in waiting:
                waiting.remove(caller)

    @override
    def stop(self) -> None:
        self._stopped = True


class OpenPace(Pace):
    """Requests start when they are due; a stage's schedule is an iterator of (nanosecond, key), ascending."""

    def __init__(self) -> None:
        self._alarm = PunctualAlarm(self._ring)
        self._schedule: Iterator[tuple[int, int]] = iter(())
        self._next: tuple[int, int] | None = None
        self._waiting: deque[tuple[int, int]] = deque()
        # The caller that was freed last is the first to be used again: no more connections than it takes.
        self._idle: list[Caller] = []

    def begin(self, schedule: Iterator[tuple[int, int]]) -> None:
        """Follow this schedule from now on; what waits from the one before is not started any more."""
        self._waiting.clear()
        self._schedule = schedule
        self._next = next(schedule, None)
        self._wait_for_next()

    def _wait_for_next(self) -> None:
        if self._next is not None:
            at_ns, key = self._next
            self._alarm.set(at_ns)
            if self._idle:
                self._idle[-1].prepare(key)

    def _ring(self) -> None:
        """Start what is due by now."""
        started = 0
        while self._next is not None and self._next[0] <= monotonic_ns() and started < _STARTS_AT_ONCE:
            at_ns, key = self._next
            if self._idle:
                self._idle.pop().send(key, at_ns)
                started += 1
            else:
                self._waiting.append((key, at_ns))
            self._next = next(self._schedule, None)
        self._wait_for_next()

    @override
    def joined(self, caller: Caller) -> None:
        self.freed(caller, 0)

    @override
    def freed(self, caller: Caller, status: int) -> None:
        if self._waiting:
            caller.send(*self._waiting.popleft())
        else:
            self._idle.append(caller)

    @override
    def left(self, caller: Caller) -> None:
        if caller in self._idle:
            self._idle.remove(caller)

    def end(self, ready_ns: int, end_ns: int) -> int:
        """Stop following the schedule, and say what was never started of what was due within the window."""
        waiting = [at_ns for _, at_ns in self._waiting]
        self._waiting.clear()
        while self._next is not None and self._next[0] < end_ns:  # due, though the alarm has not rung for it yet
            waiting.append(self._next[0])
            self._next = next(self._schedule, None)
        self._next = None
        return sum(ready_ns <= at_ns < end_ns for at_ns in waiting)

    @override
    def stop(self) -> None:
        self._next = None
        self._waiting.clear()
