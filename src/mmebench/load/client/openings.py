"""Connections that are being opened: a few at a time, so that the listener keeps up with them."""

from collections.abc import Iterator
from contextlib import contextmanager

import gevent
from gevent.lock import Semaphore

AT_ONCE = 256
"""Of one process; listeners commonly keep 511 to 4096 that they have not accepted yet, and drop what is more."""
_LONGEST = 1.0
"""Seconds. The kernel tries again after as long; who never answers is not waited for by one after the other."""


class Openings:
    """Places for so many at once. One is free again when its connection is open, and after ``longest`` seconds."""

    def __init__(self, longest: float = _LONGEST) -> None:
        self._free = Semaphore(AT_ONCE)
        self._longest = longest

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place, and have it while the connection is opened."""
        self._free.acquire()
        timer = gevent.get_hub().loop.timer(self._longest)
        timer.start(self._free.release)
        try:
            yield
        finally:
            if timer.active:
                self._free.release()
            timer.stop()
            timer.close()
