"""Clients that check every answer, and what became of their requests."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

RIGHT, WRONG, LOST = "right", "wrong", "lost"
"""What becomes of a request, besides being refused with an error of AWS's, whose code then stands for it."""


@dataclass(frozen=True)
class Target:
    """A target, and the number by which its answers are known: ``y = 3 x + offset``."""

    name: str
    offset: float


@dataclass
class Tally:
    """What became of requests."""

    outcomes: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return self.outcomes.total()

    @property
    def refused(self) -> int:
        return self.sent - sum(self.outcomes[kind] for kind in (RIGHT, WRONG, LOST))

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.outcomes + other.outcomes, self.notes + other.notes)


class Client:
    """One connection, made anew when it breaks."""

    def __init__(self, url: str, tally: Tally, timeout: float = 90.0) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
        self._tally = tally

    def ask(self, target: Target, values: Sequence[float]) -> str:
        """One request; what became of it."""
        outcome = self._ask(target, values)
        self._tally.outcomes[outcome] += 1
        return outcome

    def _ask(self, target: Target, values: Sequence[float]) -> str:
        tensor = {"name": "x", "shape": [1, len(values)], "datatype": "FP32", "data": list(values)}
        headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Target-Model": target.name}
        try:
            body = json.dumps({"inputs": [tensor]})
            self._connection.request("POST", "/endpoints/local/invocations", body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._tally.notes.append(f"{target.name}: {type(error).__name__}: {error}")
            return LOST
        if answer.status != 200:
            code = answer.headers.get("x-amzn-ErrorType")
            self._tally.notes.append(f"{target.name}: {answer.status} {code}: {content[:300]!r}")
            return code or LOST
        (output,) = json.loads(content)["outputs"]
        if output["data"] == [3 * value + target.offset for value in values]:
            return RIGHT
        self._tally.notes.append(f"{target.name}: wrong: asked {values}, got {output}")
        return WRONG

    def close(self) -> None:
        self._connection.close()


class Crowd:
    """Clients that ask targets again and again, each with numbers of its own, for as long as the context lasts."""

    def __init__(self, url: str, targets: Sequence[Target], pause: float = 0.01) -> None:
        self.tally = Tally()
        self._tallies = [Tally() for _ in targets]
        self._ended = threading.Event()
        self._pause = pause
        self._threads = [
            threading.Thread(target=self._ask, args=(url, target, tally), daemon=True)
            for target, tally in zip(targets, self._tallies, strict=True)
        ]

    def _ask(self, url: str, target: Target, tally: Tally) -> None:
        client = Client(url, tally)
        turn = 0
        while not self._ended.wait(self._pause):
            turn += 1
            client.ask(target, [float(turn), turn + 0.5, -float(turn), 0.0])
        client.close()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(100)
        self.tally = sum(self._tallies, Tally())


def time_to_heal(url: str, target: Target, tally: Tally, limit: float = 30.0) -> float:
    """Seconds until ``target`` gives a right answer; raises TimeoutError after ``limit``."""
    client = Client(url, tally)
    started = time.monotonic()
    while client.ask(target, [1.0, 2.0, 3.0, 4.0]) != RIGHT:
        if time.monotonic() - started > limit:
            raise TimeoutError(f"{target.name} gave no right answer within {limit} s: {tally.notes[-3:]}")
        time.sleep(0.02)
    client.close()
    return time.monotonic() - started
