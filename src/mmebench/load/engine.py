"""The engine: a connection for each user, each asking for one target after another.

Everything that can be done once is done once: the body is hashed at the start, a signature is made for each
target and second, targets are drawn by the thousand, statistics are folded once a second.
"""

import hashlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic_ns
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent.event import Event

from mmebench.load.answer import Head
from mmebench.load.connection import Address, Connection
from mmebench.load.job import LoadJob
from mmebench.load.payload import Body
from mmebench.load.recorder import Recorder
from mmebench.load.signer import Signer
from mmebench.load.tls import TlsConnection

READ_TIMEOUT_SECONDS = 70.0
"""SageMaker answers within 60 s; the client waits longer, so that the answer is the endpoint's and not ours."""

_JOINED_BODY_BYTES = 16384
"""A body up to this size is sent together with the head from one buffer."""


def parse_address(url: str) -> Address:
    """Where ``url`` leads; HTTPS is verified against the system's certificates or ``SSL_CERT_FILE``."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return Address(parts.hostname or "", parts.port or 443, context)
    return Address(parts.hostname or "", parts.port or 80)


class RequestHeads:
    """The heads of requests, signed; a signature is used again within the second for the same target and body."""

    def __init__(self, job: LoadJob, signer: Signer, body: Body) -> None:
        self._job = job
        self._signer = signer
        self._body = body
        self._body_sha256 = hashlib.sha256(body.content).hexdigest()
        self._heads: dict[int, bytes] = {}
        self._suffix = body.content if len(body.content) <= _JOINED_BODY_BYTES else b""
        self.body = None if self._suffix else memoryview(body.content)
        """What is to be sent after the head: None where the head holds it already."""

    def forget(self) -> None:
        """Sign anew from now on; called once a second."""
        self._heads.clear()

    def __getitem__(self, target: int) -> bytes:
        head = self._heads.get(target)
        if head is None:
            head = self._heads[target] = self._make(target)
        return head

    def _make(self, target: int) -> bytes:
        named = {
            "Content-Type": self._body.content_type,
            "X-Amzn-SageMaker-Target-Model": self._job.targets[target],
        }
        headers = self._signer.sign(named, self._body_sha256, datetime.now(UTC))
        lines = [
            f"POST {self._job.path} HTTP/1.1",
            f"Host: {urlsplit(self._job.url).netloc}",
            f"Content-Length: {len(self._body.content)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self._suffix


class Engine:
    """The users of one process and what they share."""

    def __init__(
        self, job: LoadJob, body: Body, heads: RequestHeads, targets: Iterator[int], recorder: Recorder
    ) -> None:
        self.heads = heads
        self.targets = targets
        self.recorder = recorder
        self.request_bytes = len(body.content)
        self.think_time = job.workload.arrivals.think_time
        self._address = parse_address(job.url)
        self._users: set[Caller] = set()
        gevent.spawn(self._every_second)

    def add_user(self) -> "Caller":
        """A new user, with a connection of its own, who asks at once."""
        user = Caller(self, self._address)
        self._users.add(user)
        user.ask()
        return user

    def remove_user(self, user: "Caller") -> None:
        """Wait until the user's last answer is there, and close the connection."""
        user.leave()
        self._users.discard(user)

    def _every_second(self) -> None:
        while True:
            gevent.sleep(1)
            self.heads.forget()
            too_old = monotonic_ns() - int(READ_TIMEOUT_SECONDS * 1e9)
            for user in list(self._users):
                user.give_up_before(too_old)


class Caller:
    """One user of a closed loop: asks, waits for the answer, thinks, asks again."""

    def __init__(self, engine: Engine, address: Address) -> None:
        self._engine = engine
        self._connection = (TlsConnection if address.tls else Connection)(address, self._answered)
        self._add = engine.recorder.add
        self._target = 0
        self._pause: Any = None
        self._left: Event | None = None

    def ask(self) -> None:
        """Send the next request."""
        engine = self._engine
        self._target = target = next(engine.targets)
        self._connection.request(engine.heads[target], engine.heads.body)

    def _answered(self, head: Head | None, error: str | None, body_bytes: int, end_ns: int) -> None:
        connection, engine = self._connection, self._engine
        status, cold = 0, -1
        if head is not None:
            status = head.status
            if status != 200 and error is None:
                error = error_name(head)
            if RESIDENCY in head.text:
                cold = int(head.header(RESIDENCY) == b"cold")
        start = connection.start_ns
        self._add(
            start,
            start,
            connection.first_byte_ns,
            end_ns,
            engine.request_bytes,
            body_bytes,
            self._target,
            error,
            status,
            cold,
        )
        if self._left is not None:
            self._left.set()
        elif status == 0:
            self._ask_after(NO_ANSWER_PAUSE_SECONDS)
        elif engine.think_time:
            self._ask_after(engine.think_time)
        else:
            self.ask()

    def _ask_after(self, seconds: float) -> None:
        self._pause = gevent.get_hub().loop.timer(seconds)
        self._pause.start(self._end_pause)

    def _end_pause(self) -> None:
        self._pause.close()
        self._pause = None
        self.ask()

    def give_up_before(self, start_ns: int) -> None:
        """Count the request under way as timed out if it started before ``start_ns``."""
        if self._connection.busy and self._connection.start_ns < start_ns:
            self._connection.give_up("ReadTimeout")

    def leave(self) -> None:
        """Wait for the answer under way, ask for no more, and close the connection."""
        self._left = Event()
        if self._pause is not None:
            self._pause.stop()
            self._pause.close()
            self._pause = None
        if self._connection.busy:
            self._left.wait(READ_TIMEOUT_SECONDS + 5)
        self._connection.close()


RESIDENCY = b"x-mmebench-residency"
"""Header in which mmebench's local endpoint says whether a request waited for its target: ``warm`` or ``cold``."""

NO_ANSWER_PAUSE_SECONDS = 0.1
"""A user who got no answer waits this long, so that an endpoint that is down does not make a million failures."""


def error_name(head: Head) -> str:
    """What AWS calls the error, without what may follow a colon; ``HTTP 404`` where nobody says."""
    name = head.header(b"x-amzn-errortype")
    return name.partition(b":")[0].decode("latin-1") if name else f"HTTP {head.status}"
