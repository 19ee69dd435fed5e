"""How many targets an endpoint has lost while others were loaded, whether it says so or not."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from mmebench.benchmark.kind import Copy
from mmebench.endpoints.endpoint import Endpoint, MemoryUse, Residency
from mmebench.record.run import FirstInvocation


class Evictions(Protocol):
    """Of one endpoint, from when it was made."""

    def after(
        self, copies: Sequence[Copy], loads: Sequence[FirstInvocation], residency: Residency | MemoryUse
    ) -> int:
        """How many were lost by now.

        Args:
            copies: what was loaded since this was asked last.
            loads: how that went; only of the last one it may be known what memory was in use.
            residency: what the endpoint has said since.

        Raises:
            InvocationError: one that had to be asked for did not answer.
        """


def watch_evictions(endpoint: Endpoint, invoke: Callable[[Copy], object]) -> Evictions:
    """As the endpoint counts them; else by copies that are cold again, for which ``invoke`` asks."""
    residency = endpoint.residency()
    if isinstance(residency, Residency):
        return _Counted(residency)
    if endpoint.hosting == "multi-model":
        return _Inferred(invoke)
    return _None()


class _None:
    """Where targets have a place of their own, none pushes out another."""

    def after(
        self, copies: Sequence[Copy], loads: Sequence[FirstInvocation], residency: Residency | MemoryUse
    ) -> int:
        return 0


class _Counted:
    """As the endpoint says."""

    def __init__(self, residency: Residency) -> None:
        self._before = residency.evictions

    def after(
        self, copies: Sequence[Copy], loads: Sequence[FirstInvocation], residency: Residency | MemoryUse
    ) -> int:
        assert isinstance(residency, Residency), "an endpoint that counts goes on to count"
        return residency.evictions - self._before


class _Suspect(NamedTuple):
    """A copy that is in memory, as far as anybody knows."""

    copy: Copy
    seconds: float
    """That it takes to load it by itself: of its first invocation, or of the quickest that had no company."""
    warm: float
    """Seconds of an invocation while it was in memory."""


class _Inferred:
    """Of an endpoint that does not say so.

    Memory that has grown by all but half a copy had room for all new ones. Otherwise copies that were used least
    recently are asked again. One was gone if that takes half as long as its first invocation, and ten times as
    long as an invocation while it was in memory.
    """

    def __init__(self, invoke: Callable[[Copy], object]) -> None:
        self._invoke = invoke
        self._suspects: deque[_Suspect] = deque()
        """From the least to the most recently used."""
        self._used: list[tuple[int, int]] = []
        """Numbers of copies in memory, and the bytes that they took together."""
        self._lost = 0
        self._quickest = math.inf
        """Seconds of a first invocation without company."""

    def after(
        self, copies: Sequence[Copy], loads: Sequence[FirstInvocation], residency: Residency | MemoryUse
    ) -> int:
        kinds = {copy.kind.name for copy in (*copies, *(suspect.copy for suspect in self._suspects))}
        # A large copy of one kind may have pushed out a small one of another, and memory has grown all the same.
        if self._suspects and not (len(kinds) == 1 and self._has_grown(len(copies), loads[-1].memory_used)):
            self._lost += self._ask(len(copies))
        for copy, load in zip(copies, loads, strict=True):
            if not load.beside:
                self._quickest = min(self._quickest, load.seconds)
            alone = min(load.seconds, self._quickest) if load.beside else load.seconds
            # The quicker of two: a machine that paused in one of them would hide that the copy was lost later.
            warm = min(self._time(copy) for _ in range(2))
            self._suspects.append(_Suspect(copy, alone, warm))
        self._used.append((len(self._suspects), loads[-1].memory_used or 0))
        return self._lost

    def _has_grown(self, copies: int, now: int | None) -> bool:
        (fewest, least), (most, last) = self._used[0], max(self._used, key=lambda each: each[1])
        each = (last - least) / max(1, most - fewest)
        return now is not None and now > last + (copies - 0.5) * each

    def _ask(self, copies: int) -> int:
        """How many of the least recently used ones are gone, of which each new copy may have pushed out one.

        The most recently used of them is asked first: a cold one pushes out the next one when it comes back, so
        that one after it would be missing for that alone. All before it went earlier.
        """
        for place in reversed(range(min(copies, len(self._suspects)))):
            asked = self._suspects[place]
            seconds = self._time(asked.copy)
            del self._suspects[place]
            self._suspects.append(asked)
            if seconds > max(asked.seconds / 2, 10 * asked.warm):
                return place + 1
        return 0

    def _time(self, copy: Copy) -> float:
        started = time.perf_counter()
        self._invoke(copy)
        return time.perf_counter() - started
