"""Reading an HTTP/1.1 answer from bytes as they come; no I/O."""

import re
from functools import lru_cache
from typing import NamedTuple

import httptools

from mmebench.wire.http_head import END, parse_answer_head


class ProtocolError(Exception):
    """What came is not an HTTP/1.1 answer to one request."""


class Head(NamedTuple):
    """The head of an answer: what a sample needs to know of it."""

    status: int
    body_bytes: int
    """From Content-Length, or :data:`CHUNKED`, or :data:`UNTIL_CLOSE`."""
    closes: bool
    """The server closes the connection after this answer."""
    error: str | None
    """What AWS calls the error, without what may follow a colon; ``HTTP 404`` where nobody says; None for 200."""
    cold: int
    """1 where the request waited for its target, 0 where it did not, -1 where the endpoint does not say."""


CHUNKED = -1
"""The body says itself where it ends, chunk by chunk."""
UNTIL_CLOSE = -2
"""The body ends where the server closes the connection."""


_REQUEST_ID = b"\r\nx-amzn-RequestId:"
_ERROR_TYPE = b"x-amzn-errortype"
_NO_NAME = re.compile(r"[^A-Za-z0-9_.#]")
_LONGEST_NAME = 100
_RESIDENCY = b"x-mmebench-residency"
"""Header in which mmebench's local endpoint says whether a request waited for its target: ``warm`` or ``cold``."""


def parse_head(raw: bytes) -> Head:
    """The head in ``raw``, which ends before the empty line, without its request id.

    But for that id, which nobody asks for, answers of one server have the same head until the second of their
    date is over; one that is known is found many times faster than it is parsed.

    Raises:
        ProtocolError: it is no head of HTTP/1, or does not say in one way where the body ends.
    """
    start = raw.find(_REQUEST_ID)
    if start >= 0:
        end = raw.find(b"\r\n", start + 2)
        raw = raw[:start] + raw[end:] if end >= 0 else raw[:start]
    return _parse(raw)


def _error_name(error_type: bytes) -> str:
    """Without the address that AWS puts behind it; always a name, as it gets into files and onto pages."""
    name = error_type.partition(b":")[0].decode("latin-1")
    return _NO_NAME.sub("?", name[:_LONGEST_NAME])


@lru_cache(maxsize=256)
def _parse(raw: bytes) -> Head:
    try:
        head = parse_answer_head(raw + END)
    except httptools.HttpParserError as error:
        raise ProtocolError(str(error)) from None
    body_bytes = CHUNKED if head.chunked else UNTIL_CLOSE if head.length is None else head.length
    error_type = head.headers.get(_ERROR_TYPE)
    name = _error_name(error_type) if error_type else f"HTTP {head.status}"
    residency = head.headers.get(_RESIDENCY)
    return Head(
        status=head.status,
        body_bytes=body_bytes,
        closes=not head.keep_alive,
        error=None if head.status == 200 else name,
        cold=-1 if residency is None else int(residency == b"cold"),
    )
