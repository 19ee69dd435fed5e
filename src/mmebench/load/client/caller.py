"""A caller: one connection, which sends a request when it is told to and records what becomes of it."""

from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event

from mmebench.load.client.alarm import guarded
from mmebench.load.client.answer import Head
from mmebench.load.client.connection import Address, Connection
from mmebench.load.client.recorder import Recorder
from mmebench.load.client.requests import SignedRequests
from mmebench.load.client.tls import TlsConnection

Freed = Callable[["Caller", int], None]
"""Told that a caller is free again, with the status of the answer: 0 where none came."""


class Caller:
    """One connection, which sends a request when it is told to and records what becomes of it."""

    def __init__(self, address: Address, requests: SignedRequests, recorder: Recorder, freed: Freed) -> None:
        self._connection = (TlsConnection if address.tls else Connection)(address, self._answered)
        self._request = self._connection.request
        self._requests = requests
        self._add = recorder.add
        self._complain = recorder.complaints.note
        self._freed = freed
        self._key = 0
        self._intended_ns = 0
        self._pause: Any = None
        self._left: Event | None = None

    def prepare(self, key: int) -> None:
        """Sign a request that is due soon, so that it need not wait for that when it is."""
        self._requests[key]

    def send(self, key: int, intended_ns: int = 0) -> None:
        """Send a request; ``intended_ns`` is when it was due, 0 for now."""
        self._key = key
        self._intended_ns = intended_ns
        self._request(*self._requests[key])

    def _answered(self, head: Head | None, error: str | None, body_bytes: int, end_ns: int) -> None:
        connection = self._connection
        if head is None:
            status, cold = 0, -1
        else:
            status, cold = head.status, head.cold
            if error is None:
                error = head.error
        if error is not None:
            self._complain(error, status, connection.excerpt if head is not None else b"")
        self._add(
            self._intended_ns, connection.start_ns, connection.first_byte_ns, end_ns, body_bytes, self._key,
            error, status, cold,
        )  # fmt: skip
        if self._left is None:
            self._freed(self, status)
        else:
            self._left.set()

    def pause(self, seconds: float, then: Callable[["Caller"], None]) -> None:
        """Call ``then`` after this time, unless the caller has left."""
        self._pause = gevent.get_hub().loop.timer(seconds)
        self._pause.start(guarded(self._end_pause), then)

    def _end_pause(self, then: Callable[["Caller"], None]) -> None:
        self._cancel_pause()
        then(self)

    def _cancel_pause(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause.close()
            self._pause = None

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._connection.busy

    def give_up_before(self, start_ns: int) -> None:
        """Count the request under way as timed out if it was sent before ``start_ns``."""
        if self._connection.busy and self._connection.start_ns < start_ns:
            self._connection.give_up("ReadTimeout")

    def leave(self, longest_wait: float) -> None:
        """Wait for the answer under way, send no more, and close the connection."""
        self._left = Event()
        self._cancel_pause()
        if self._connection.busy:
            self._left.wait(longest_wait)
        self._connection.close()
