"""One HTTP/1.1 connection, driven by libev callbacks instead of a greenlet switch for each request.

A connection carries one request at a time. It is opened when a request needs it, in a greenlet, since that may
wait for a name server and a handshake; from then on the hub calls it when bytes can be read or written.
Whatever happens, each request ends in exactly one call of what :data:`Answered` is.
"""

import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from time import monotonic_ns
from typing import Any

import gevent
from gevent import monkey
from gevent import socket as gevent_socket

from mmebench.load.client.answer import CHUNKED, UNTIL_CLOSE, Head, ProtocolError, parse_head
from mmebench.load.client.complaints import LONGEST_BODY
from mmebench.load.client.openings import Openings
from mmebench.wire.chunked import ChunkedBody, ChunkError

# Locust patches the socket module; a gevent socket would switch greenlets where a callback wants BlockingIOError.
_PlainSocket = monkey.get_original("socket", "socket")

_READ, _WRITE = 1, 2
_READ_BYTES = 65536
_LONGEST_HEAD = 65536
_END_OF_HEAD = b"\r\n\r\n"
_LEAST_CROSSING_NS = 100_000_000
"""For a client that is busy; what is longer than this and a round trip, a server did while it had the request."""
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError)

_passing = memoryview(bytearray(_READ_BYTES))
"""Where the body of a long answer goes through, which is counted and never kept. All connections share it."""


@dataclass(frozen=True)
class Address:
    """Where a connection goes: a host, a port, and one TLS context for all connections, or None for plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    connect_timeout: float = 10.0
    """Seconds for name look-up, TCP and TLS handshake together, from when a connection has its place."""
    openings: Openings = field(default_factory=Openings, compare=False)
    """Of all connections to it."""


Answered = Callable[[Head | None, str | None, int, int], None]
"""Called when a request is over and the connection is free for the next, with

* the head of the answer; None where none came,
* what went wrong on the way, by name; None for a whole answer, whatever its status,
* how many bytes of a body came, without the framing of chunks,
* when the last byte had come, or the request was given up, by ``time.monotonic_ns``.
"""


def _connect(host: str, port: int) -> gevent_socket.socket:
    """Look up a name, and connect; an address needs no look-up, whose thread waits for a client that is busy."""
    family = _family(host)
    if family is None:
        return gevent_socket.create_connection((host, port))
    opened = gevent_socket.socket(family)
    try:
        opened.connect((host, port))
    except BaseException:  # it may be given up meanwhile
        opened.close()
        raise
    return opened


@cache
def _family(host: str) -> socket.AddressFamily | None:
    """Of an address; None of a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family
    return None


class Connection:
    """One HTTP/1.1 connection that carries one request at a time, without a greenlet switch for each."""

    def __init__(self, address: Address, answered: Answered) -> None:
        self._address = address
        self._answered = answered
        self._socket: Any = None
        self._receive: Any = None
        self._receive_into: Any = None
        self._opening: gevent.Greenlet[..., None] | None = None
        self._reader: Any = None
        self._writer: Any = None
        self._early = b""
        self._head: Head | None = None
        self._body_bytes = 0
        self._chunks: ChunkedBody | None = None
        self._request: tuple[bytes, memoryview | None] = (b"", None)
        self._unsent: bytes | memoryview | None = None
        self._reused = False
        self._crossing_ns = 0
        """How long it may take to learn that a request and the end of its connection crossed."""
        self.busy = False
        """Whether a request is under way."""
        self.start_ns = 0
        """When the request under way was handed over, by ``time.monotonic_ns``."""
        self.first_byte_ns = 0
        """When the first bytes of its answer had come; 0 before."""
        self.excerpt = b""
        """How the body of the last answer that was an error began."""

    def request(self, head: bytes, body: memoryview | None) -> None:
        """Send ``head``, which may hold a small body too, and then ``body``; opens the connection if need be."""
        self._request = (head, body)
        self.busy = True
        self.first_byte_ns = 0
        self.start_ns = monotonic_ns()
        if self._socket is None:
            self._reused = False
            self._opening = gevent.spawn(self._open)
        else:
            self._reused = True
            self._send()

    def give_up(self, error: str) -> None:
        """End the request under way as failed, and the connection with it: no late answer must meet the next."""
        if self._opening is not None:
            self._opening.kill(block=False)
            self._opening = None
        self._fail(error)

    def close(self) -> None:
        """Close the socket. The connection stays usable and opens a new one when it is asked again."""
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._reader = self._writer = self._receive = self._receive_into = self._unsent = None
        self._forget_answer()

    def _open(self) -> None:
        """Runs in a greenlet of its own: resolve, connect, shake hands, and send the request that waits."""
        address = self._address
        try:
            with address.openings.place(), gevent.Timeout(address.connect_timeout, TimeoutError("connect")):
                began = monotonic_ns()
                opened = _connect(address.host, address.port)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._shake_hands(opened)
        except OSError as error:
            self._opening = None
            self._fail("ConnectTimeout" if isinstance(error, TimeoutError) else type(error).__name__)
            return
        self._opening = None
        self._crossing_ns = _LEAST_CROSSING_NS + monotonic_ns() - began  # at least a round trip
        self._socket = _PlainSocket(fileno=opened.detach())
        self._socket.setblocking(False)
        self._receive, self._receive_into = self._receivers()
        loop = gevent.get_hub().loop
        self._reader = loop.io(self._socket.fileno(), _READ)
        self._writer = loop.io(self._socket.fileno(), _WRITE)
        self._reader.start(self._readable)
        self._send()

    def _shake_hands(self, opened: gevent_socket.socket) -> None:
        """Nothing to do without TLS."""

    def _receivers(self) -> tuple[Callable[[int], bytes], Callable[[memoryview], int]]:
        """What ``recv`` and ``recv_into`` are for this connection; looked up once, not for each answer."""
        return self._socket.recv, self._socket.recv_into

    def _send(self) -> None:
        head, body = self._request
        try:
            sent = self._socket.send(head) if body is None else self._socket.sendmsg(self._request)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broken(type(error).__name__)
            return
        if sent != len(head) + (0 if body is None else len(body)):
            self._unsent = _rest(head, body, sent)
            self._writer.start(self._writable)

    def _writable(self) -> None:
        assert self._unsent is not None
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(type(error).__name__)
            return
        if not self._unsent:
            self._unsent = None
            self._writer.stop()

    def _readable(self) -> None:
        # libev only prints what escapes a callback, so each way an answer can fail must end its request here.
        try:
            if self._head is None:
                self._read_head()
            else:
                self._read_body(self._head)
        except _NOT_YET:
            return
        except ssl.SSLZeroReturnError:
            self._ended()
        except OSError as error:
            self._broken(type(error).__name__)
        except (ProtocolError, ChunkError):
            self._fail("ProtocolError")
        except Exception:
            gevent.get_hub().handle_system_error(*sys.exc_info()[:2])

    def _read_head(self) -> None:
        data = self._receive(_READ_BYTES)
        now = monotonic_ns()
        if not data:
            self._ended()
        elif not self.busy:
            self.close()  # bytes that no request asked for: this connection cannot be trusted with the next
        else:
            if not self.first_byte_ns:
                self.first_byte_ns = now
            self._take_head(self._early + data, now)

    def _take_head(self, data: bytes, now: int) -> None:
        """``data`` is all that came of the answer by ``now``; go on to the body once the head is whole."""
        raw, found, body = data.partition(_END_OF_HEAD)
        if not found:
            if len(data) > _LONGEST_HEAD:
                raise ProtocolError("the head is too long")
            self._early = data
            return
        self._early = b""
        head = parse_head(raw)
        if head.status < 200:  # 100 Continue: the answer itself is still to come
            self._take_head(body, now)
        elif head.body_bytes == len(body):  # all of it at once, as nearly always
            if head.error is not None:
                self.excerpt = body[:LONGEST_BODY]
            self._finish(head, head.body_bytes, now)
        else:
            self._head = head
            self.excerpt = b""
            if head.body_bytes == CHUNKED:
                self._chunks = ChunkedBody()
            if body:
                self._take_body(head, memoryview(body))

    def _read_body(self, head: Head) -> None:
        received = self._receive_into(_passing)
        if received:
            self._take_body(head, _passing[:received])
        else:
            self._ended()

    def _take_body(self, head: Head, data: memoryview) -> None:
        if self._chunks is not None:
            data = memoryview(self._chunks.feed(bytes(data)))
            self._body_bytes += len(data)
            surplus = len(self._chunks.rest)
            complete = self._chunks.complete
        else:
            self._body_bytes += len(data)
            surplus = max(0, self._body_bytes - head.body_bytes) if head.body_bytes != UNTIL_CLOSE else 0
            complete = self._body_bytes == head.body_bytes
        if head.error is not None and len(self.excerpt) < LONGEST_BODY:
            self.excerpt += data[: LONGEST_BODY - len(self.excerpt)]
        if surplus:
            raise ProtocolError("more came than the answer's length")
        if complete:
            self._finish(head, self._body_bytes, monotonic_ns())

    def _finish(self, head: Head, body_bytes: int, now: int) -> None:
        if head.closes or self._unsent is not None:  # an answer before the request was whole spoils the connection
            self.close()
        elif self._head is not None:
            self._forget_answer()
        self.busy = False
        self._answered(head, None, body_bytes, now)

    def _forget_answer(self) -> None:
        self._early = b""
        self._head = self._chunks = None
        self._body_bytes = 0

    def _ended(self) -> None:
        """The server closed its side."""
        if self.busy and self._head is not None and self._head.body_bytes == UNTIL_CLOSE:
            self._finish(self._head, self._body_bytes, monotonic_ns())
        else:
            self._broken("ConnectionClosed")

    def _broken(self, error: str) -> None:
        """The connection is gone.

        A server may close an idle connection at any moment; a request that met this moment is sent once more on
        a new connection, silently, as the same sample. Any other is a failure: a server that had the request for
        longer may have worked on it.
        """
        if not self.busy:
            self.close()
        elif self._reused and not self.first_byte_ns and monotonic_ns() - self.start_ns < self._crossing_ns:
            self.close()
            self._reused = False
            self._opening = gevent.spawn(self._open)
        else:
            self._fail(error)

    def _fail(self, error: str) -> None:
        end, head, body_bytes = monotonic_ns(), self._head, self._body_bytes
        self.close()
        self.busy = False
        self._answered(head, error, body_bytes, end)


def _rest(head: bytes, body: memoryview | None, sent: int) -> memoryview:
    """What is left to send; a body, which may be large, is not copied."""
    if body is None:
        return memoryview(head)[sent:]
    return body[sent - len(head) :] if sent >= len(head) else memoryview(head[sent:] + bytes(body))
