"""Heads of HTTP messages: checked by llhttp, and parsed once for the same bytes.

Clients and containers repeat themselves: the head of a signed request may be the same for a second, that of an
answer for as long as its length is. What was parsed before is found by its bytes, which costs next to nothing.
"""

import contextlib
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

import httptools

LIMIT = 64 * 1024
"""The longest head, in bytes."""
END = b"\r\n\r\n"
_WITHOUT_BODY = (204, 304)
_LISTS = (b"transfer-encoding", b"origin")
"""Headers that are joined where they come several times, which makes no origin; of others the last one counts."""
_KEPT = 1024
_KEPT_BYTES = 4096
"""Longer heads are not kept."""


class RequestHead:
    """The head of a request.

    Attributes:
        target: path and query as they were sent, without the ``http://host`` that may stand before them.
        path: that of the target, with percent-encoding resolved.
        headers: names in lower case.
        length: of the body, in bytes; None for a chunked one.
        keep_alive: whether the connection stays after the answer.
        confirm: whether the client must be told that it does, as one of HTTP/1.0 that asked for it.
        upgrade: whether what follows is to be another protocol than HTTP.
        memo: what whoever serves the request wants to find again when the same head comes again.
    """

    __slots__ = ("confirm", "headers", "keep_alive", "length", "memo", "method", "path", "target", "upgrade")

    def __init__(
        self,
        method: bytes,
        url: bytes,
        headers: dict[bytes, bytes],
        keep_alive: bool,
        upgrade: bool,
        version: str = "1.1",
    ) -> None:
        self.method = method
        self.target = url if url[:1] == b"/" else _without_host(url)
        self.path = self.target
        if b"?" in url or b"%" in url:
            self.path = unquote_to_bytes(self.target.partition(b"?")[0])
        self.headers = headers
        self.keep_alive = keep_alive and not upgrade
        self.confirm = self.keep_alive and version == "1.0"
        self.upgrade = upgrade
        self.memo: Any = None
        length = headers.get(b"content-length")
        self.length = int(length) if length is not None else None if b"transfer-encoding" in headers else 0


class AnswerHead:
    """The head of an answer.

    Attributes:
        headers: names in lower case.
        length: of the body, in bytes; None for a chunked one, and for one that ends where the connection does.
        chunked: whether the body is.
        keep_alive: whether the connection stays.
        memo: as in :class:`RequestHead`.
    """

    __slots__ = ("chunked", "headers", "keep_alive", "length", "memo", "status")

    def __init__(self, status: int, headers: dict[bytes, bytes], keep_alive: bool) -> None:
        self.status = status
        self.headers = headers
        self.memo: Any = None
        self.keep_alive = keep_alive
        self.chunked = False
        self.length: int | None = 0
        if status >= 200 and status not in _WITHOUT_BODY:
            # Of several codings the last says where the body ends (RFC 9112, section 6.3).
            coding = headers.get(b"transfer-encoding", b"").lower().rpartition(b",")[2].strip()
            self.chunked = coding == b"chunked"
            length = headers.get(b"content-length")
            self.length = None if length is None or coding else int(length)


HeadT = TypeVar("HeadT")


class KnownHeads(Generic[HeadT]):
    """Heads by their bytes, up to a number; then it starts over."""

    def __init__(self) -> None:
        self._heads: dict[bytes, HeadT] = {}
        self.get = self._heads.get

    def add(self, data: bytes, head: HeadT) -> None:
        """Keep ``head``, unless it is unusually long."""
        if len(data) <= _KEPT_BYTES:
            if len(self._heads) >= _KEPT:
                self._heads.clear()
            self._heads[data] = head


class RequestHeadParser:
    """Takes the bytes of one head, up to and with the empty line, in as many pieces as they come.

    Raises httptools.HttpParserError as soon as they cannot be one.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._keep_alive: bool | None = None
        self._hosts = False
        """Whether there are several."""
        self._surplus = False

    def feed(self, data: bytes) -> None:
        """Take more of it."""
        with contextlib.suppress(httptools.HttpParserUpgrade):
            self._parser.feed_data(data)
        if self._surplus:
            raise httptools.HttpParserError("more than one head before an empty line")

    def head(self) -> RequestHead:
        """What it was, once all of it has come."""
        if self._keep_alive is None:
            raise httptools.HttpParserError("no head before an empty line")
        parser, version = self._parser, self._parser.get_http_version()
        if version == "1.0":
            self._headers.pop(b"expect", None)  # it could not understand "100 Continue"
        elif b"host" not in self._headers:
            raise httptools.HttpParserError("no Host header")
        if self._hosts:
            raise httptools.HttpParserError("more than one Host header")
        return RequestHead(
            parser.get_method(), self._url, self._headers, self._keep_alive, parser.should_upgrade(), version
        )

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        self._surplus |= self._keep_alive is not None
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        name = name.lower()
        headers = self._headers
        if name in headers:
            self._hosts = self._hosts or name == b"host"
            if name in _LISTS:
                value = headers[name] + b", " + value
        headers[name] = value

    def on_headers_complete(self) -> None:
        """The empty line."""
        self._surplus |= self._keep_alive is not None
        # llhttp forgets what it knows as soon as a message is over, which one without a body is now.
        self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, chunk: bytes) -> None:
        """What llhttp takes for a body, though we are not there yet."""
        self._surplus = True


class _AnswerHeadParser:
    """Gathers one head from httptools' callbacks."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._head: AnswerHead | None = None

    def parse(self, data: bytes) -> AnswerHead:
        self._parser.feed_data(data)
        if self._head is None:
            raise httptools.HttpParserError("no head before an empty line")
        return self._head

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        # Asked here, as llhttp forgets what a message without a body was as soon as it is over.
        parser = self._parser
        self._head = AnswerHead(parser.get_status_code(), self._headers, parser.should_keep_alive())


def parse_answer_head(data: bytes) -> AnswerHead:
    """The head in ``data``, which ends with the empty line.

    Raises:
        httptools.HttpParserError: it is none.
    """
    try:
        return _AnswerHeadParser().parse(data)
    except httptools.HttpParserUpgrade:
        raise httptools.HttpParserError("an answer that goes on in another protocol") from None


def _without_host(url: bytes) -> bytes:
    """The path and query of a URL in its absolute form; what is neither that nor a path stays as it is."""
    scheme, separator, rest = url.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        return url
    return b"/" + rest.partition(b"/")[2]
