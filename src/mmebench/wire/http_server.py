"""One HTTP/1.1 server connection: keeps the order, refuses what is malformed, too large or too slow."""

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
"""With so many requests waiting behind the one that is being answered, the client is read no further; nor with
bodies that are together longer than one may be."""
_REQUEST_SECONDS = 60.0
"""A request must be whole after so long."""
_SLOWEST = 1024
"""Bytes a second that a client must send on average, once it had a while to begin."""
_BEGIN_SECONDS = 10.0
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
        begun: the event loop's time when its first byte had come.
        keep_alive: whether the connection stays after the answer.
        connection: the header of the answer that says so, where that has to be said.
        refusal: the status and message that it must get, because it cannot be processed.
    """

    __slots__ = ("begun", "chunks", "complete", "connection", "head", "keep_alive", "refusal", "size")

    def __init__(self, head: RequestHead, begun: float) -> None:
        self.head = head
        self.begun = begun
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
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._body_limit = body_limit
        self._head: RequestHeadParser | None = None
        """The head that has come in part."""
        self._head_begun = 0.0
        """When that was."""
        self._tail = b""
        """Its last bytes, and how many there are of it in all."""
        self._head_size = 0
        self._arriving: Request | None = None
        self._left = 0
        """Bytes that are still to come of the body of the arriving request."""
        self._chunked: ChunkedBody | None = None
        self._waiting: deque[Request] = deque()
        self._advancing = False
        self._deaf = False
        """Whether the client is read no further for now."""
        self._rest = b""
        """What came beyond as many requests as may wait."""
        self._clogged = False
        """Whether the client does not take its answers."""

    @property
    def idle(self) -> bool:
        """Whether nothing of a request is here."""
        return self.current is None and self._arriving is None and self._head is None and not self._waiting

    # --- for subclasses

    @abstractmethod
    def request_ready(self, request: Request) -> None:
        """It is the turn of ``request``, and the whole of it is there."""

    @abstractmethod
    def refuse(self, status: int, message: str) -> None:
        """Write the answer to a request that cannot be processed; the connection ends after it."""

    def request_ended(self) -> None:
        """The answer to the current request is written."""
        assert self.current is not None
        keep_alive, self.current = self.current.keep_alive, None
        if not keep_alive:
            self.transport.close()
        elif not self._advancing:
            self._advance()

    def check_pace(self) -> None:
        """Refuse the request that is arriving if it takes too long; to be called now and then."""
        if self._arriving is not None:
            begun, size = self._arriving.begun, self._arriving.size
        elif self._head is not None:
            begun, size = self._head_begun, self._head_size
        else:
            return
        if self.paused:
            return  # it is not its fault
        taken = self._now() - begun
        if taken > _REQUEST_SECONDS or size < _SLOWEST * (taken - _BEGIN_SECONDS):
            self._refuse_rest(408, f"{size} bytes of the request came in {taken:.0f} s; send it faster")
            if self.current is None and self._waiting:
                self._advance()

    def drop(self) -> None:
        """Nobody waits for answers any more: free what came of the requests."""
        for request in (self.current, self._arriving, *self._waiting):
            if request is not None:
                request.chunks.clear()
        self._waiting.clear()
        self.current = self._arriving = None
        self._rest, self._deaf = b"", True

    # --- asyncio

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the base class

    @override
    def data_received(self, data: bytes) -> None:
        data, self._rest = self._rest + data, b""
        try:
            while data and not self._deaf and not self._is_full():
                if self._chunked is not None:
                    data = self._take_chunks(self._chunked, data)
                elif self._arriving is not None:
                    data = self._take_body(data)
                else:
                    data = self._take_head(data)
            self._rest = b"" if self._deaf else data
        except (httptools.HttpParserError, ChunkError) as error:
            self._refuse_rest(400, f"malformed HTTP: {error}")
        if self.current is None and self._waiting:
            self._advance()
        else:
            self._regulate()

    @override
    def pause_writing(self) -> None:
        self._clogged = True

    @override
    def resume_writing(self) -> None:
        self._clogged = False
        if self.current is None and not self._advancing:
            self._advance()

    def _regulate(self) -> None:
        """Look at what has come already, or read on, as far as there is room for more requests."""
        if self._is_full():
            self.pause_reading()
        elif self._rest:
            self.pause_reading()
            self._loop.call_soon(self.data_received, b"")  # others have their turn first
        else:
            self.resume_reading()

    def _is_full(self) -> bool:
        """Whether as many requests are waiting for their turn as may."""
        waiting = self._waiting
        return bool(waiting) and (
            len(waiting) >= _PIPELINE_LIMIT or sum(request.size for request in waiting) > self._body_limit
        )

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
                self._begin(head, self._now())
                return data[end:]
        return self._take_head_in_part(data)

    def _take_head_in_part(self, data: bytes) -> bytes:
        """A head that does not come in one piece; a mistake in it is told before its end has come."""
        if self._head is None:
            self._head, self._tail, self._head_size = RequestHeadParser(), b"", 0
            self._head_begun = self._now()
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
        self._begin(head, self._head_begun)
        return data[end:]

    def _begin(self, head: RequestHead, begun: float) -> None:
        """The head of a request is there."""
        request = Request(head, begun)
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
        chunk = body.feed(data)
        if request.size + len(chunk) > self._body_limit:  # nobody said how much would come
            self._refuse_rest(413, f"HTTP content length exceeded {self._body_limit} bytes.")
            return b""
        if chunk:
            self._add(request, chunk)
        if body.complete:
            self._chunked = None
            self._complete(request)
        return body.rest

    def _add(self, request: Request, chunk: bytes) -> None:
        """One more piece of a body."""
        request.size += len(chunk)
        if request.refusal is None:
            request.chunks.append(chunk)

    def _complete(self, request: Request) -> None:
        """A body is whole."""
        self._arriving = None
        request.complete = True
        self._deaf = request.head.upgrade
        if request is self.current:
            self.request_ready(request)

    # --- order

    def _advance(self) -> None:
        """Begin the requests whose turn it is. A loop, as many short ones may come in one read."""
        self._advancing = True
        while self.current is None and self._waiting and not self._clogged:
            request = self.current = self._waiting.popleft()
            if request.refusal is not None:
                self._linger(*request.refusal)
            elif request.complete:
                self.request_ready(request)
            elif b"expect" in request.head.headers:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._advancing = False
        self._regulate()

    def _refuse_rest(self, status: int, message: str) -> None:
        """Nothing that comes after this can be understood; what came before is answered first."""
        self._deaf = True
        broken = self._arriving or Request(_MALFORMED, self._now())
        self._arriving = self._chunked = self._head = None
        if broken is self.current:
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
        if self.current is not None:
            self.current.chunks.clear()
        self.refuse(status, message)
        if not self.transport.is_closing():
            self.transport.write_eof()
        self._loop.call_later(_LINGER_SECONDS, self.transport.abort)
