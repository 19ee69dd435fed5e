"""Clocks of different hosts: monotonic clocks start at any zero, and samples of one load need one."""

from time import monotonic_ns
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust.runners import WorkerRunner

from mmebench.errors import MmebenchError
from mmebench.load.messages import Clock

_QUESTIONS = 9
"""At least so many, and on for a second until one was answered quickly: both hosts may be busy."""
_QUICK_NS = 500_000
_PATIENCE_NS = 1_000_000_000
_ANSWER_SECONDS = 10.0


class ConductorClock:
    """Asks the conductor for the time."""

    def __init__(self, runner: WorkerRunner) -> None:
        self._runner = runner
        self._answer: AsyncResult[int] = AsyncResult()
        runner.register_message(Clock.name, self._answered)

    def _answered(self, msg: Any, **_: Any) -> None:
        self._answer.set(Clock.read(msg.data).clock_ns)

    def ahead_ns(self) -> int:
        """How far the conductor's clock is ahead of ours, by the question that was answered fastest.

        0 where that is less than the question took: it is the same clock then, or might as well be.

        Raises:
            MmebenchError: no answer.
        """
        found: list[tuple[int, int]] = []
        give_up = monotonic_ns() + _PATIENCE_NS
        while len(found) < _QUESTIONS or (min(found)[0] > _QUICK_NS and monotonic_ns() < give_up):
            self._answer = AsyncResult()
            asked = monotonic_ns()
            self._runner.send_message(Clock.name, Clock(asked).data())
            try:
                clock = self._answer.get(timeout=_ANSWER_SECONDS)
            except gevent.Timeout:
                raise MmebenchError(f"the conductor of the load said nothing for {_ANSWER_SECONDS:g} s") from None
            took = monotonic_ns() - asked
            found.append((took, clock - asked - took // 2))
        took, ahead = min(found)
        return 0 if abs(ahead) < took else ahead
