"""Bodies in chunked transfer coding (RFC 9112, section 7.1)."""

import re

_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})(?:[ \t]*;[^\r\n]*)?\r\n")
_LINE_LIMIT = 4096
_TRAILER_LIMIT = 64 * 1024


class ChunkError(ValueError):
    """These bytes are no chunked body."""


class ChunkedBody:
    """Takes the bytes as they come and gives back what they carry.

    Attributes:
        complete: whether the last chunk and the trailer, which is thrown away, have come.
        rest: what came behind them.
    """

    def __init__(self) -> None:
        self.complete = False
        self.rest = b""
        self._buffer = b""
        self._part = self._size
        """What comes next: a size, a chunk, its end, or the trailer."""
        self._left = 0
        self._trailer_bytes = 0
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The parts of the body in ``data``; raises ChunkError."""
        data, self._buffer = self._buffer + data, b""
        while data and not self._buffer and not self.complete:
            data = self._part(data)
        if self.complete:
            self.rest = data
        parts, self._parts = self._parts, []
        return parts

    def _size(self, data: bytes) -> bytes:
        """The line before a chunk; each of these gives back what it did not take."""
        match = _SIZE.match(data)
        if match is None:
            if b"\n" in data or len(data) > _LINE_LIMIT:
                raise ChunkError("a chunk without a size")
            return self._wait(data)
        self._left = int(match[1], 16)
        self._part = self._content if self._left else self._trailer
        return data[match.end() :]

    def _content(self, data: bytes) -> bytes:
        content = data[: self._left]
        self._parts.append(content)
        self._left -= len(content)
        if not self._left:
            self._part = self._end
        return data[len(content) :]

    def _end(self, data: bytes) -> bytes:
        if data == b"\r":
            return self._wait(data)
        if not data.startswith(b"\r\n"):
            raise ChunkError("a chunk is longer than its size")
        self._part = self._size
        return data[2:]

    def _trailer(self, data: bytes) -> bytes:
        """One line of it; the last is empty."""
        line, found, rest = data.partition(b"\r\n")
        if len(line) + self._trailer_bytes > _TRAILER_LIMIT:
            raise ChunkError(f"a trailer of more than {_TRAILER_LIMIT} bytes")
        if not found:
            return self._wait(data)
        self._trailer_bytes += len(line)
        self.complete = not line
        return rest

    def _wait(self, data: bytes) -> bytes:
        """Too little to go on with."""
        self._buffer = data
        return data
