"""An alarm that is punctual to some tens of microseconds.

libev waits in whole milliseconds, so that its own timers run half a millisecond late on average, which is more
than everything else the client adds to a latency. A timer of the Linux kernel (``timerfd``) that the loop reads
like a socket does not round. Elsewhere libev's timer takes its place.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from time import monotonic_ns
from typing import Any, Protocol

import gevent
from typing_extensions import override

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_READ = 1


def guarded(callback: Callable[..., None]) -> Callable[..., None]:
    """``callback``, but what escapes it ends the process; libev would only print it, and the load would stand."""

    def guard(*arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception:
            gevent.get_hub().handle_system_error(*sys.exc_info()[:2])

    return guard


class Alarm(Protocol):
    """Calls back, in the hub, once for each time it is set."""

    def set(self, at_ns: int) -> None:
        """Call back at ``at_ns`` of ``time.monotonic_ns``, at once if that is over; forgets an earlier time."""

    def close(self) -> None:
        """Never call back again."""


class KernelAlarm(Alarm):
    """By ``timerfd_create`` of Linux, whose monotonic clock is that of ``time.monotonic_ns``."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._checked(self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC))
        # struct itimerspec: seconds and nanoseconds of the interval, which is none, and of the time.
        self._time = (ctypes.c_long * 4)()
        self._watcher = gevent.get_hub().loop.io(self._descriptor, _READ)
        self._watcher.start(guarded(self._ring))

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    @override
    def set(self, at_ns: int) -> None:
        self._time[2], self._time[3] = divmod(max(at_ns, 1), 1_000_000_000)  # 0 would disarm it
        self._checked(self._libc.timerfd_settime(self._descriptor, _ABSOLUTE, self._time, None))

    def _ring(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return  # set to a later time since it rang
        self._callback()

    @override
    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        os.close(self._descriptor)


class LoopAlarm(Alarm):
    """By the loop's own timer: punctual to a millisecond."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = guarded(callback)
        self._timer: Any = None

    @override
    def set(self, at_ns: int) -> None:
        self.close()
        self._timer = gevent.get_hub().loop.timer(max(0, at_ns - monotonic_ns()) / 1e9)
        self._timer.start(self._callback)

    @override
    def close(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None


def make_alarm(callback: Callable[[], None]) -> Alarm:
    """The most punctual alarm that this system has."""
    return KernelAlarm(callback) if sys.platform == "linux" else LoopAlarm(callback)


_STEP_NS = 500
_LONGEST_HEAD_START_NS = 300_000
_SHARE_SPENT = 10
"""A tenth of a wait, at most, is waited out; so much of a core may go into being punctual."""


class PunctualAlarm(Alarm):
    """An alarm that rings early and waits out the rest, so that it is punctual to a microsecond or two.

    A processor that sleeps takes tens of microseconds to wake up, in a virtual machine hundreds. What 19 of 20
    wakes took lately, at most, is the head start of the next.
    """

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._alarm = make_alarm(self._wake)
        self._head_start_ns = 0
        self._at_ns = 0
        self._wake_ns = 0

    @override
    def set(self, at_ns: int) -> None:
        wait = max(0, at_ns - monotonic_ns())
        self._at_ns = at_ns
        self._wake_ns = at_ns - min(self._head_start_ns, wait // _SHARE_SPENT)
        self._alarm.set(self._wake_ns)

    def _wake(self) -> None:
        now = monotonic_ns()
        step = 19 * _STEP_NS if now - self._wake_ns > self._head_start_ns else -_STEP_NS
        self._head_start_ns = min(max(0, self._head_start_ns + step), _LONGEST_HEAD_START_NS)
        while now < self._at_ns:
            now = monotonic_ns()
        self._callback()

    @override
    def close(self) -> None:
        self._alarm.close()
