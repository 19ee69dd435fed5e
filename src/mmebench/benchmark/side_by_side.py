"""Calls that wait for an endpoint, several at a time."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(call: Callable[[Item], Result], items: Sequence[Item], at_once: int) -> list[Future[Result]]:
    """What came of each call; returns when all are over.

    Whoever is interrupted meanwhile waits for none of those that are on their way, which an executor's threads
    would have it do until the process has ended, and no further one begins.

    Args:
        call: is called with each item, in this order, from threads.
        items: any number.
        at_once: so many calls go on at a time.
    """
    futures: list[Future[Result]] = [Future() for _ in items]
    left = deque(zip(items, futures, strict=True))

    def work() -> None:
        while left:
            try:
                item, future = left.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                future.set_result(call(item))
            except BaseException as error:  # told to whoever asks for the result
                future.set_exception(error)

    for _ in range(min(at_once, len(items))):
        Thread(target=work, name="side by side", daemon=True).start()
    try:
        wait(futures)
    finally:
        left.clear()
    return futures
