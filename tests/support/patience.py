"""Waiting for what is to come soon."""

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds after which what was to come soon does not come any more, on a machine that has much else to do, too."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once ``condition`` holds; fail when it does not come to hold."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not so within {PATIENCE:.0f} s"
        time.sleep(0.05)
