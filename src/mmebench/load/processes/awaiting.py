"""Waiting inside Locust, while its other greenlets go on."""

from collections.abc import Callable
from time import monotonic

import gevent

STOPPED_SECONDS = 1.0
"""Whoever stops a load wants it to end; answers that take longer than this are not waited for."""


def awaited(condition: Callable[[], bool], seconds: float, every: float = 0.02) -> bool:
    """Whether the condition came to hold within so many seconds; it is looked at again every so many."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            return False
        gevent.sleep(every)
    return True
