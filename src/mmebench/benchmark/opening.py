"""Endpoints that come up while another one is measured, so that nobody waits for them one after another."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from typing import Protocol, TypeVar

from mmebench.endpoints.endpoint import NoRoomError
from mmebench.errors import MmebenchError

Part = TypeVar("Part")


Opened = TypeVar("Opened", bound="Closable")


class Closable(Protocol):
    """What was opened for a part: its endpoint, and what belongs to it."""

    def close(self) -> None:
        """Take it down."""


class AbandonedError(MmebenchError):
    """Nobody wants this endpoint any more."""


def open_ahead(
    parts: Iterable[Part], open_one: Callable[[Part, Callable[[], None]], Opened], at_once: int
) -> Generator[tuple[Part, Opened | MmebenchError]]:
    """Each part's endpoint, in the order in which they come up; at most ``at_once`` exist at any time.

    Where the account has no room for so many, it is one less from then on, and the part is tried again later.

    The taker closes an endpoint before it asks for the next one. Closing the iterator takes down what nobody took.

    Args:
        parts: what endpoints are wanted for; taken by the caller's thread, no earlier than there is room.
        open_one: opens the endpoint of a part. It calls its second argument from time to time, which raises once
            the endpoint is not wanted any more; what it has created by then, it deletes.
        at_once: 1 opens each in the caller's thread, when it is asked for.

    Yields:
        A part and its endpoint, or why there is none.
    """
    if at_once == 1:
        for part in parts:
            yield part, _attempt(open_one, part, lambda: None)
        return
    abandoned = threading.Event()

    def proceed() -> None:
        if abandoned.is_set():
            raise AbandonedError("the run is over")

    left = iter(parts)
    coming: dict[Future[Opened | MmebenchError], Part] = {}
    with ThreadPoolExecutor(at_once, "endpoint") as threads:
        try:
            while True:
                for part in islice(left, at_once - len(coming)):
                    coming[threads.submit(_attempt, open_one, part, proceed)] = part
                if not coming:
                    return
                done, _ = wait(coming, return_when=FIRST_COMPLETED)
                first = done.pop()
                part, result = coming.pop(first), first.result()
                if isinstance(result, NoRoomError) and at_once > 1:
                    at_once -= 1
                    left = chain([part], left)
                else:
                    yield part, result
        finally:
            abandoned.set()
            _close_untaken(list(coming))


def _attempt(
    open_one: Callable[[Part, Callable[[], None]], Opened], part: Part, proceed: Callable[[], None]
) -> Opened | MmebenchError:
    try:
        return open_one(part, proceed)
    except MmebenchError as error:
        return error


def _close_untaken(coming: list[Future[Opened | MmebenchError]]) -> None:
    """Close all of them, past single failures and past Ctrl-C; the first of these is raised at the end."""
    failures: list[BaseException] = []
    for future in coming:
        if future.cancel():
            continue
        try:
            result = future.result()
            if not isinstance(result, MmebenchError):
                result.close()
            elif hasattr(result, "__notes__"):  # it says what it could not take down
                failures.append(result)
        except MmebenchError as error:
            failures.append(error)
        except BaseException as error:  # raised when the others are closed
            error.add_note("an endpoint may still be there, and costs money; run mmebench clean")
            failures.append(error)
    if failures:
        raise failures[0]
