"""Waiting for what is to come soon."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Return once ``condition`` holds; fail when that takes longer than ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.05)


@contextmanager
def after(seconds: float, do: Callable[[], None]) -> Iterator[None]:
    """``do`` so many seconds into the block, if it lasts as long; never in a later test."""
    timer = threading.Timer(seconds, do)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
