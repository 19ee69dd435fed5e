"""Turns: connections are opened some at a time, at the pace that the listener takes them.

A listener that is asked for more connections than it has room for says nothing: the system drops what it
cannot queue, and asks again for it after one second, two, four. Ten thousand users who all connect at once would
time out by the thousand. Here the others wait in a line instead, for which there is no time-out. How many are
opened at once, and how fast they follow each other, grows with each connection that was taken and shrinks when one
was dropped, as TCP itself does with what it sends.
"""

import socket
from collections import deque
from collections.abc import Callable
from struct import unpack_from
from time import monotonic
from typing import Any

import gevent

from mmebench.load.client.alarm import guarded

_FEWEST, _MOST = 4, 512
"""Connections that are being opened at once."""
_TOTAL_RETRANSMITTED = 100
"""Where it is in Linux' struct tcp_info."""
_LEAST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.1
"""Seconds from one turn to the next, after one was dropped."""
_SHRINKS = 0.995
"""A pause, with each connection that was taken: to half with a hundred and forty."""
_MADE_UP = 0.25
"""Seconds by which turns that are late, as the client was busy, let the next ones come sooner."""
_ROUND = 1.0
"""Seconds until what was dropped is asked for again: what is dropped meanwhile is of the same crowd."""


class Turns:
    """Who may open a connection to one listener now; the others wait in the order in which they came."""

    def __init__(self) -> None:
        self._most = float(_FEWEST)
        self._opening = 0
        self._line: deque[Callable[[], None]] = deque()
        self._pause = 0.0
        self._next_at = 0.0
        self._shrunk_at = -_ROUND
        self._timer: Any = None
        self._calling = False

    def ask(self, begin: Callable[[], None]) -> None:
        """Call ``begin`` when it is its turn, perhaps at once; :meth:`over` ends the turn."""
        self._line.append(begin)
        self._call()

    def over(self) -> None:
        """The connection is open, or is not going to be."""
        self._opening -= 1
        if self._line:
            self._call()

    def taken(self, opened: socket.socket) -> None:
        """It was opened, at once or after it had been dropped."""
        if retransmitted(opened):
            self.dropped()
        else:
            self._most = min(self._most + 1, _MOST)
            self._pause *= _SHRINKS

    def dropped(self) -> None:
        """There was no room for it."""
        if monotonic() - self._shrunk_at >= _ROUND:
            self._shrunk_at = monotonic()
            self._most = max(self._most / 2, _FEWEST)
            self._pause = min(max(2 * self._pause, _LEAST_PAUSE), _LONGEST_PAUSE)

    def _call(self) -> None:
        """Whose turn it is."""
        if self._calling or self._timer is not None:  # it goes on anyway: after this one, or when it rings
            return
        self._calling = True
        try:
            self._call_some(int(self._most))
        finally:
            self._calling = False

    def _call_some(self, left: int) -> None:
        while self._line and self._opening < self._most:
            now = monotonic()
            if now < self._next_at or not left:
                self._timer = gevent.get_hub().loop.timer(max(self._next_at - now, 0.0))
                self._timer.start(guarded(self._ring))
                return
            left -= 1
            self._next_at = max(self._next_at, now - _MADE_UP) + self._pause
            self._opening += 1
            self._line.popleft()()

    def _ring(self) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer = None
        self._call()


def retransmitted(opened: socket.socket) -> int:
    """How often the system had to ask again for a connection that was just opened; 0 where it does not say."""
    if not hasattr(socket, "TCP_INFO"):
        return 0
    about = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TOTAL_RETRANSMITTED + 4)
    return int(unpack_from("I", about, _TOTAL_RETRANSMITTED)[0]) if len(about) > _TOTAL_RETRANSMITTED else 0
