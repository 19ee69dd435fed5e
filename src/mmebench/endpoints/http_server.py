"""One HTTP/1.1 server connection: parses with llhttp, keeps the order, refuses what is malformed or too large."""

import asyncio
from collections import deque
from typing import cast

import httptools

_HEAD_LIMIT = 64 * 1024
_PIPELINE_LIMIT = 16
"""With so many requests waiting behind the one that is being answered, the client is read no further."""
_LINGER_SECONDS = 5.0
"""A client whose request was refused may finish sending for so long, or it would never read why."""


class Request:
    """One request, while it arrives.

    Attributes:
        headers: names in lower case.
        length: what Content-Length says; None for a chunked body.
        chunks: the body as it was received.
        size: bytes of the body so far.
        complete: whether the whole body is there.
        refusal: the status and message that it must get, because it cannot be processed.
    """

    __slots__ = ("chunks", "complete", "headers", "keep_alive", "length", "method", "refusal", "size", "url")

    def __init__(self, method: bytes, url: bytes, headers: dict[bytes, bytes], keep_alive: bool) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.keep_alive = keep_alive
        self.chunks: list[bytes] = []
        self.size = 0
        self.complete = False
        self.refusal: tuple[int, str] | None = None
        length = headers.get(b"content-length")
        self.length = int(length) if length is not None else None if b"transfer-encoding" in headers else 0


class HttpConnection(asyncio.Protocol):
    """Subclasses answer the requests, which come one at a time and in order.

    They write each answer to ``transport`` and then call :meth:`request_ended`.
    """

    def __init__(self, body_limit: int) -> None:
        self.transport: asyncio.Transport
        self.current: Request | None = None
        """The request that is being answered."""
        self.last_read = 0.0
        """The event loop's time when the client last sent something."""
        self._loop = asyncio.get_running_loop()
        self._body_limit = body_limit
        self._parser = httptools.HttpRequestParser(self)
        self._arriving: Request | None = None
        self._waiting: deque[Request] = deque()
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_size = 0
        self._answered = False
        self._advancing = False
        self._deaf = False

    @property
    def incomplete(self) -> bool:
        """Whether the client has sent a part of a request and owes the rest."""
        return self._arriving is not None or self._head_size > 0

    # --- for subclasses

    def request_begun(self, request: Request) -> None:
        """It is the turn of ``request``: its head is there, and the chunks of its body that came so far."""
        raise NotImplementedError

    def body_received(self, request: Request, chunk: bytes) -> None:
        """More of the body of the current request; ``chunk`` is in its chunks already."""

    def body_complete(self, request: Request) -> None:
        """The body of the current request is whole now; not called when it was so in :meth:`request_begun`."""

    def refuse(self, status: int, message: str) -> None:
        """Write the answer to a request that cannot be processed; the connection ends after it."""
        raise NotImplementedError

    def request_ended(self) -> None:
        """The answer to the current request is written."""
        assert self.current is not None
        if not self.current.complete:
            self._answered = True  # and go on once the rest of its body has been read
        elif not self.current.keep_alive:
            self.current = None
            self.transport.close()
        else:
            self.current = None
            if not self._advancing:
                self._advance()

    # --- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the base class
        self.last_read = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        if self._deaf:
            return
        self.last_read = self._loop.time()
        if self._arriving is None:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # the request is answered as if it had not asked; what follows is not HTTP
        except httptools.HttpParserCallbackError:
            raise  # a defect of ours
        except httptools.HttpParserError as error:
            self._refuse_rest(400, f"malformed HTTP: {error}")
        else:
            if self._head_size > _HEAD_LIMIT and self._arriving is None:
                self._refuse_rest(431, f"more than {_HEAD_LIMIT} bytes of headers")
        if self.current is None:
            self._advance()
        if len(self._waiting) >= _PIPELINE_LIMIT:
            self.transport.pause_reading()

    # --- httptools

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._deaf:
            return
        request = Request(self._parser.get_method(), self._url, self._headers, self._parser.should_keep_alive())
        self._url = b""
        self._headers = {}
        self._head_size = 0
        self._arriving = request
        if self._parser.should_upgrade():
            request.keep_alive = False
        if request.length is not None and request.length > self._body_limit:
            request.refusal = (413, f"HTTP content length exceeded {self._body_limit} bytes.")
        self._waiting.append(request)

    def on_body(self, chunk: bytes) -> None:
        """A part of the body."""
        request = self._arriving
        if request is None:
            return  # refused while it was parsed
        request.size += len(chunk)
        if request.size > self._body_limit:  # chunked: nobody said how much would come
            self._refuse_rest(413, f"HTTP content length exceeded {self._body_limit} bytes.")
            return
        if self._answered and request is self.current:
            return
        request.chunks.append(chunk)
        if request is self.current:
            self.body_received(request, chunk)

    def on_message_complete(self) -> None:
        """The request is complete."""
        request = self._arriving
        if request is None:
            return  # refused while it was parsed
        self._headers = {}  # what came behind a chunked body must not pass for headers of the next request
        self._arriving = None
        request.complete = True
        if request is not self.current:
            return
        if self._answered:
            self._answered = False
            self.request_ended()
        else:
            self.body_complete(request)

    # --- order

    def _advance(self) -> None:
        """Begin the requests whose turn it is. A loop, as many short ones may come in one read."""
        self._advancing = True
        while self.current is None and self._waiting:
            request = self.current = self._waiting.popleft()
            if len(self._waiting) == _PIPELINE_LIMIT - 1:
                self.transport.resume_reading()
            if request.refusal is not None:
                self._linger(*request.refusal)
                break
            if b"expect" in request.headers and not request.complete:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.request_begun(request)
        self._advancing = False

    def _refuse_rest(self, status: int, message: str) -> None:
        """Nothing that comes after this can be understood; what came before is answered first."""
        self._deaf = True
        broken = self._arriving or Request(b"", b"", {}, False)
        self._arriving = None
        if broken is self.current:
            if self._answered:
                self.transport.close()
            else:
                self._linger(status, message)
            return
        broken.refusal = (status, message)
        if broken not in self._waiting:
            self._waiting.append(broken)

    def _linger(self, status: int, message: str) -> None:
        """Refuse, then read and throw away what the client still sends: closing at once would reset the
        connection and take our answer with it."""
        self._deaf = True
        self._arriving = None
        self._waiting.clear()
        self.refuse(status, message)
        if not self.transport.is_closing():
            self.transport.write_eof()
        self._loop.call_later(_LINGER_SECONDS, self.transport.abort)
