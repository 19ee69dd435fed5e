"""The breaker: ends a load at the first thing that goes wrong in what Locust calls.

Locust logs what a listener raises and goes on: users would send for as long as the stages last, with nobody who
records what comes of it.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import gevent
from locust.runners import Runner

from mmebench.errors import MmebenchError
from mmebench.load.processes.events import EventWriter

_log = logging.getLogger(__name__)
FAILED = 3
"""The exit code of a process whose load has failed."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def reason_of(error: Exception) -> str:
    """What a person is told; of a defect the log has the rest."""
    _log.error("the load cannot go on", exc_info=error)
    return str(error) if isinstance(error, MmebenchError) else f"{type(error).__name__}: {error}"


class Breaker:
    """Stops users, tells whoever wanted the load, and lets the process end with :data:`FAILED`."""

    def __init__(self, runner: Runner, events: EventWriter) -> None:
        self._runner = runner
        self._events = events
        self._broken = False

    def guard(self, listener: Callable[Arguments, Result]) -> Callable[Arguments, Result | None]:
        """The same listener; the first error breaks the load, and later ones only follow from it."""

        @wraps(listener)
        def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result | None:
            try:
                return listener(*args, **kwargs)
            except Exception as error:
                self._break(error)
                return None

        return guarded

    def _break(self, error: Exception) -> None:
        if self._broken:
            return
        self._broken = True
        self._runner.environment.process_exit_code = FAILED
        try:
            self._events.broken(reason_of(error))
        finally:
            gevent.spawn(self._runner.quit)  # which waits for users, and perhaps for the listener that failed
