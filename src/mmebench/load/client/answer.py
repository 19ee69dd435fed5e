"""Reading an HTTP/1.1 answer from bytes as they come; no I/O."""

from functools import lru_cache
from typing import NamedTuple


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
_RESIDENCY = b"x-mmebench-residency"
"""Header in which mmebench's local endpoint says whether a request waited for its target: ``warm`` or ``cold``."""


def parse_head(raw: bytes) -> Head:
    """The head in ``raw``, which ends before the empty line, without its request id.

    But for that id, which nobody asks for, answers of one server have the same head until the second of their
    date is over; one that is known is found many times faster than it is parsed.

    Raises:
        ProtocolError: the first line is no status line, or the length is no number.
    """
    start = raw.find(_REQUEST_ID)
    if start >= 0:
        end = raw.find(b"\r\n", start + 2)
        raw = raw[:start] + raw[end:] if end >= 0 else raw[:start]
    return _parse(raw)


@lru_cache(maxsize=256)
def _parse(raw: bytes) -> Head:
    text = raw.lower()
    if text[:7] != b"http/1." or text[8:9] != b" ":
        raise ProtocolError("no status line")
    try:
        status = int(text[9:12])
        start = text.find(b"\r\ncontent-length:")
        if start >= 0:
            end = text.find(b"\r\n", start + 17)
            body_bytes = int(text[start + 17 : end if end >= 0 else None])
        elif b"\r\ntransfer-encoding: chunked" in text or b"\r\ntransfer-encoding:chunked" in text:
            body_bytes = CHUNKED
        elif status < 200 or status in (204, 304):
            body_bytes = 0
        else:
            body_bytes = UNTIL_CLOSE
    except ValueError:
        raise ProtocolError("a number is none") from None
    if body_bytes < UNTIL_CLOSE:
        raise ProtocolError("negative length")
    closes = b"\r\nconnection: close" in text or body_bytes == UNTIL_CLOSE or text[7:8] == b"0"
    error_type, residency = _value(_ERROR_TYPE, raw, text), _value(_RESIDENCY, raw, text)
    name = error_type.partition(b":")[0].decode("latin-1") if error_type else f"HTTP {status}"
    cold = -1 if residency is None else int(residency == b"cold")
    return Head(status, body_bytes, closes, None if status == 200 else name, cold)


def _value(name: bytes, raw: bytes, text: bytes) -> bytes | None:
    """A header's value as it came in ``raw``; ``name`` and ``text`` are in lower case. None where none came."""
    start = text.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    end = text.find(b"\r\n", start)
    return raw[start : end if end >= 0 else None].strip()
