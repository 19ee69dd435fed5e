"""One HTTP/1.1 server connection: keeps the order, refuses what is malformed or too large."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from typing import cast

import httptools
from typing_extensions import override

from mmebench.wire.chunked import ChunkedBody, ChunkError
from mmebench.wire.http_head import END, LIMIT, KnownHeads, RequestHead, RequestHeadParser
from mmebench.wire.pausable import PausableProtocol

_PIPELINE_LIMIT = 16
"""With so many requests waiting behind the one that is being answered, the client is read no further."""
_LINGER_SECONDS = 5.0
"""A client whose request was refused may finish sending for so long, or it would never read why."""
_MALFORMED = RequestHead(b"", b"", {}, keep_alive=False, upgrade=False)
CLOSE = b"Connection: close\r\n"
"""The header of an answer after which the connection ends."""
_KEEP_ALIVE = b"Connection: keep-alive\r\n"

_known_heads: KnownHeads[RequestHead] = KnownHeads()


class Request:
    """One request, while it arrives.

    Attributes:
        head: method, URL, headers and what they say.
        chunks: the body as it was received.
        size: bytes of the body so far.
        complete: whether the whole body is there.
        keep_alive: whether the connection stays after the answer.
        connection: the header of the answer that says so, where that has to be said.
        refusal: the status and message that it must get, because it cannot be processed.
    """

    __slots__ = ("chunks", "complete", "connection", "head", "keep_alive", "refusal", "size")

    def __init__(self, head: RequestHead) -> None:
        self.head = head
        self.keep_alive = head.keep_alive
        self.connection = _KEEP_ALIVE if head.confirm else b"" if head.keep_alive else CLOSE
        self.chunks: list[bytes] = []
        self.size = 0
        self.complete = False
        self.refusal: tuple[int, str] | None = None


class HttpConnection(PausableProtocol, ABC):
    """Subclasses answer the requests, which come one at a time and in order.

    They write each answer to ``transport`` and then call :meth:`request_ended`.
    """

    def __init__(self, body_limit: int) -> None:
        self.current: Request | None = None
        """The request that is being answered."""
        self.last_read = 0.0
        """The event loop's time when the client last sent something."""
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._body_limit = body_limit
        self._head: RequestHeadParser | None = None
        """The head that has come in part."""
        self._tail = b""
        """Its last bytes, and how many there are of it in all."""
        self._head_size = 0
        self._arriving: Request | None = None
        self._left = 0
        """Bytes that are still to come of the body of the arriving request."""
        self._chunked: ChunkedBody | None = None
        self._waiting: deque[Request] = deque()
        self._answered = False
        self._advancing = False
        self._deaf = False
        """Whether the client is read no further for now."""

    @property
    def incomplete(self) -> bool:
        """Whether the client has sent a part of a request and owes the rest."""
        return self._arriving is not None or self._head is not None

    # --- for subclasses

    @abstractmethod
    def request_begun(self, request: Request) -> None:
        """It is the turn of ``request``: its head is there, and the chunks of its body that came so far."""

    def body_received(self, request: Request, chunk: bytes) -> None:
        """More of the body of the current request; ``chunk`` is in its chunks already."""

    def body_complete(self, request: Request) -> None:
        """The body of the current request is whole now; not called when it was so in :meth:`request_begun`."""

    @abstractmethod
    def refuse(self, status: int, message: str) -> None:
        """Write the answer to a request that cannot be processed; the connection ends after it."""

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
            if self._waiting and not self._advancing:
                self._advance()

    # --- asyncio

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the base class
        self.last_read = self._now()

    @override
    def data_received(self, data: bytes) -> None:
        self.last_read = self._now()
        try:
            while data and not self._deaf:
                if self._chunked is not None:
                    data = self._take_chunks(self._chunked, data)
                elif self._arriving is not None:
                    data = self._take_body(data)
                else:
                    data = self._take_head(data)
        except (httptools.HttpParserError, ChunkError) as error:
            self._refuse_rest(400, f"malformed HTTP: {error}")
        if self.current is None and self._waiting:
            self._advance()
        if len(self._waiting) >= _PIPELINE_LIMIT:
            self.pause_reading()

    # --- arrival; each takes what it can of the data and gives back the rest

    def _take_head(self, data: bytes) -> bytes:
        if self._head is None:
            if data[0] in b"\r\n":  # an empty line before a request is to be ignored
                return data.lstrip(b"\r\n")
            end = data.find(END) + len(END)
            if len(END) <= end <= LIMIT:
                whole = data[:end]
                head = _known_heads.get(whole)
                if head is None:
                    parser = RequestHeadParser()
                    parser.feed(whole)
                    head = parser.head()
                    _known_heads.add(whole, head)
                self._begin(head)
                return data[end:]
        return self._take_head_in_part(data)

    def _take_head_in_part(self, data: bytes) -> bytes:
        """A head that does not come in one piece; a mistake in it is told before its end has come."""
        if self._head is None:
            self._head, self._tail, self._head_size = RequestHeadParser(), b"", 0
        end = (self._tail + data).find(END) + len(END) - len(self._tail)
        ended = end >= len(END) - len(self._tail)
        piece = data[:end] if ended else data
        self._head_size += len(piece)
        if self._head_size > LIMIT:
            self._refuse_rest(431, f"more than {LIMIT} bytes of headers")
            return b""
        self._head.feed(piece)
        self._tail = (self._tail + piece)[-(len(END) - 1) :]
        if not ended:
            return b""
        head = self._head.head()
        self._head = None
        self._begin(head)
        return data[end:]

    def _begin(self, head: RequestHead) -> None:
        """The head of a request is there."""
        request = Request(head)
        self._waiting.append(request)
        length = head.length
        if length is None:
            self._chunked = ChunkedBody()
            coding = head.headers[b"transfer-encoding"]
            if coding.lower() != b"chunked":
                shown = coding.decode("ascii", "replace")
                request.refusal = (501, f"Transfer-Encoding {shown} is not taken; send it chunked, or whole")
        elif length > self._body_limit:
            request.refusal = (413, f"HTTP content length exceeded {self._body_limit} bytes.")
        if length == 0:
            request.complete = True
            self._deaf = head.upgrade  # it is answered as if it had not asked; what follows is not HTTP
        else:
            self._arriving = request
            self._left = length or 0

    def _take_body(self, data: bytes) -> bytes:
        request = self._arriving
        assert request is not None
        size = len(data)
        if size <= self._left:
            chunk, rest = data, b""
        else:
            size = self._left
            chunk, rest = data[:size], data[size:]
        self._left -= size
        self._add(request, chunk)
        if not self._left:
            self._complete(request)
        return rest

    def _take_chunks(self, body: ChunkedBody, data: bytes) -> bytes:
        request = self._arriving
        assert request is not None
        for chunk in body.feed(data):
            if request.size + len(chunk) > self._body_limit:  # nobody said how much would come
                self._refuse_rest(413, f"HTTP content length exceeded {self._body_limit} bytes.")
                return b""
            self._add(request, chunk)
        if body.complete:
            self._chunked = None
            self._complete(request)
        return body.rest

    def _add(self, request: Request, chunk: bytes) -> None:
        """One more piece of a body."""
        request.size += len(chunk)
        if request is not self.current:
            if request.refusal is None:
                request.chunks.append(chunk)
        elif not self._answered:
            request.chunks.append(chunk)
            self.body_received(request, chunk)

    def _complete(self, request: Request) -> None:
        """A body is whole."""
        self._arriving = None
        request.complete = True
        self._deaf = request.head.upgrade
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
                self.resume_reading()
            if request.refusal is not None:
                self._linger(*request.refusal)
                break
            if not request.complete and b"expect" in request.head.headers:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.request_begun(request)
        self._advancing = False

    def _refuse_rest(self, status: int, message: str) -> None:
        """Nothing that comes after this can be understood; what came before is answered first."""
        self._deaf = True
        broken = self._arriving or Request(_MALFORMED)
        self._arriving = self._chunked = self._head = None
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
        self._arriving = self._chunked = self._head = None
        self._waiting.clear()
        self.refuse(status, message)
        if not self.transport.is_closing():
            self.transport.write_eof()
        self._loop.call_later(_LINGER_SECONDS, self.transport.abort)
