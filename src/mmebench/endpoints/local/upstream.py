"""Persistent connections to the container."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol, cast

import httptools

from mmebench.endpoints.http_client import Address


class Receiver(Protocol):
    """Who gets an answer."""

    def answer_received(self, upstream: "Upstream") -> None:
        """There is more of it; see the attributes of ``upstream``."""

    def upstream_lost(self) -> None:
        """The connection ended before the answer did."""

    def hold(self) -> None:
        """The container does not read; send no more for now."""

    def resume(self) -> None:
        """The container reads again."""


class Upstream(asyncio.Protocol):
    """One connection; carries one exchange at a time.

    Attributes:
        status: of the answer; 0 until its head is there.
        headers: of the answer, names in lower case.
        chunks: what came of the body since somebody took it.
        complete: whether the answer is whole.
    """

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.receiver: Receiver | None = None
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.chunks: list[bytes] = []
        self.complete = False
        self.keep_alive = True
        self._parser = httptools.HttpResponseParser(self)

    def send(self, receiver: Receiver, parts: Iterable[bytes]) -> None:
        """Begin an exchange; more of the request may be written to ``transport`` later."""
        self.receiver = receiver
        self.status = 0
        self.headers = {}
        self.chunks = []
        self.complete = False
        self.transport.writelines(parts)

    def drop(self) -> None:
        """End an exchange whose answer nobody wants any more."""
        self.receiver = None
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        receiver = self.receiver
        if receiver is None:
            return
        if self.status and not self.complete and self._ends_with_connection():
            self.complete = True
            self.keep_alive = False
            receiver.answer_received(self)
        else:
            self.receiver = None
            receiver.upstream_lost()

    def _ends_with_connection(self) -> bool:
        return b"content-length" not in self.headers and b"transfer-encoding" not in self.headers

    def pause_writing(self) -> None:
        """Part of asyncio.Protocol."""
        if self.receiver is not None:
            self.receiver.hold()

    def resume_writing(self) -> None:
        """Part of asyncio.Protocol."""
        if self.receiver is not None:
            self.receiver.resume()

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        if self.receiver is None:
            self.transport.abort()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a defect of ours
        except httptools.HttpParserError:
            self.transport.abort()
            return
        self.receiver.answer_received(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Part of httptools' interface."""
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Part of httptools' interface."""
        self.status = self._parser.get_status_code()
        self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, chunk: bytes) -> None:
        """Part of httptools' interface."""
        self.chunks.append(chunk)

    def on_message_complete(self) -> None:
        """Part of httptools' interface."""
        self.complete = True


class Pool:
    """Idle connections to one address; the last one that was used is the next."""

    def __init__(self) -> None:
        self._idle: deque[Upstream] = deque()

    def take(self) -> Upstream | None:
        """An idle connection; None when there is none."""
        while self._idle:
            upstream = self._idle.pop()
            if not upstream.transport.is_closing():
                return upstream
        return None

    def give(self, upstream: Upstream) -> None:
        """The exchange is over, and the whole of it was sent and received."""
        upstream.receiver = None
        self._idle.append(upstream)

    async def connect(self, address: Address) -> Upstream:
        """A new connection; raises OSError."""
        _, upstream = await asyncio.get_running_loop().create_connection(Upstream, *address)
        return upstream


def resume_reading(transport: asyncio.Transport) -> None:
    """Read again from a peer that may have been put on hold."""
    if not transport.is_reading() and not transport.is_closing():
        transport.resume_reading()
