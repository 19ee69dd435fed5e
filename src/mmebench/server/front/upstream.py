"""Persistent connections to the container."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Protocol, cast

import httptools
from typing_extensions import override

from mmebench.wire.chunked import ChunkedBody, ChunkError
from mmebench.wire.http_client import Address
from mmebench.wire.http_head import END, LIMIT, AnswerHead, KnownHeads, parse_answer_head
from mmebench.wire.pausable import PausableProtocol

_BUFFER_BYTES = 1024 * 1024
"""An image at once, where the system gives so much."""
_JOINED_BYTES = 64 * 1024
"""Up to here one buffer is cheaper to send than two."""

_known_heads: KnownHeads[AnswerHead] = KnownHeads()


class Receiver(Protocol):
    """Who gets an answer."""

    def answer_received(self, upstream: "Upstream", head: AnswerHead) -> None:
        """There is more of it: its head, and the chunks that were not taken yet."""

    def upstream_lost(self) -> None:
        """The connection ended before the answer did."""


class Upstream(PausableProtocol):
    """One connection; carries one exchange at a time.

    Attributes:
        chunks: what came of the body since somebody took it.
        complete: whether the answer is whole.
        idle_since: when the last exchange was over, by ``time.perf_counter``.
    """

    def __init__(self) -> None:
        self.idle_since = math.inf
        self.receiver: Receiver | None = None
        self.chunks: list[bytes] = []
        self.complete = False
        self._head: AnswerHead | None = None
        self._buffer = b""
        self._left = 0
        self._chunked: ChunkedBody | None = None

    def send(self, receiver: Receiver, head: bytes, chunks: list[bytes]) -> None:
        """Begin an exchange."""
        self.receiver = receiver
        self.chunks = []
        self.complete = False
        self._head = self._chunked = None
        self._buffer = b""
        write(self.transport, head, chunks)

    def drop(self) -> None:
        """End an exchange whose answer nobody wants any more."""
        self.receiver = None
        self.transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        receiver, head = self.receiver, self._head
        if receiver is None:
            return
        if head is not None and head.length is None and not head.chunked and not self.complete and error is None:
            self.complete = True
            receiver.answer_received(self, head)
        else:
            self.receiver = None
            receiver.upstream_lost()

    @override
    def data_received(self, data: bytes) -> None:
        receiver = self.receiver
        if receiver is None or self.complete:
            self.transport.abort()  # nobody asked
            return
        try:
            head = self._head
            if head is None:
                head, data = self._take_head(data)
                if head is None:
                    return
            self._take_body(head, data)
        except (httptools.HttpParserError, ChunkError):
            self.transport.abort()
            return
        receiver.answer_received(self, head)

    def _take_head(self, data: bytes) -> tuple[AnswerHead | None, bytes]:
        """The head, if it is whole, and what came behind it."""
        if self._buffer:
            data = self._buffer + data
        end = data.find(END) + len(END)
        if end < len(END):
            self._buffer = data
            if len(data) > LIMIT:
                raise httptools.HttpParserError("a head without an end")
            return None, b""
        whole = data[:end]
        head = _known_heads.get(whole)
        if head is None:
            head = parse_answer_head(whole)
            _known_heads.add(whole, head)
        if head.status < 200:  # there is another head to come
            self._buffer = b""
            return self._take_head(data[end:]) if len(data) > end else (None, b"")
        self._head = head
        self._left = head.length or 0
        self._chunked = ChunkedBody() if head.chunked else None
        return head, data[end:]

    def _take_body(self, head: AnswerHead, data: bytes) -> None:
        if self._chunked is not None:
            self.chunks.append(self._chunked.feed(data))
            self.complete = self._chunked.complete
            surplus = bool(self._chunked.rest)
        elif head.length is None:
            self.chunks.append(data)
            self.complete = head.status in (204, 304)
            surplus = False
        else:
            self._left -= len(data)
            surplus = self._left < 0
            self.complete = not self._left
            if data:
                self.chunks.append(data)
        if surplus:
            raise httptools.HttpParserError("more than the answer")


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
        upstream.idle_since = time.perf_counter()
        self._idle.append(upstream)

    async def connect(self, address: Address) -> Upstream:
        """A new connection; raises OSError."""
        loop = asyncio.get_running_loop()
        if isinstance(address, Path):
            _, upstream = await loop.create_unix_connection(Upstream, str(address))
            # TCP's buffers grow with what is sent; those of a Unix socket are as large as one asks for.
            upstream.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, _BUFFER_BYTES)
        else:
            _, upstream = await loop.create_connection(Upstream, *address)
        return upstream


def write(transport: asyncio.Transport, head: bytes, chunks: Sequence[bytes | memoryview]) -> None:
    """Send a head and what there is of the body."""
    if not chunks:
        transport.write(head)
    elif len(chunks) == 1 and len(chunks[0]) < _JOINED_BYTES:
        transport.write(b"".join((head, chunks[0])))
    else:
        transport.writelines([head, *chunks])
