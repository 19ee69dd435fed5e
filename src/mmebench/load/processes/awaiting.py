"""Waiting inside Locust, while its other greenlets go on."""

from collections.abc import Callable
from time import monotonic

import gevent


def awaited(condition: Callable[[], bool], seconds: float, every: float = 0.02) -> bool:
    """Whether the condition came to hold within so many seconds; it is looked at again every so many."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            return False
        gevent.sleep(every)
    return True
