"""Bodies in chunked transfer coding (RFC 9112, section 7.1)."""

import re

_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})(?:[ \t]*;[^\r\n]*)?\r\n")
_LINE_LIMIT = 4096
_TRAILER_LIMIT = 64 * 1024


class ChunkError(ValueError):
    """These bytes are no chunked body."""


class ChunkedBody:
    """Takes the bytes as they come and gives back what they carry, in time that is linear in their number.

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

    def feed(self, data: bytes) -> bytes:
        """The part of the body in ``data``; raises ChunkError."""
        data = self._buffer + data
        position = 0
        while position < len(data) and not self.complete:
            reached = self._part(data, position)
            if reached == position:
                break  # too little to go on with
            position = reached
        self._buffer = b"" if self.complete else data[position:]
        self.rest = data[position:] if self.complete else b""
        body = b"".join(self._parts)
        self._parts.clear()
        return body

    # Each of these says up to where it has taken the data.

    def _size(self, data: bytes, position: int) -> int:
        """The line before a chunk."""
        match = _SIZE.match(data, position)
        if match is None:
            if data.find(b"\n", position) >= 0 or len(data) - position > _LINE_LIMIT:
                raise ChunkError("a chunk without a size")
            return position
        self._left = int(match[1], 16)
        self._part = self._content if self._left else self._trailer
        return match.end()

    def _content(self, data: bytes, position: int) -> int:
        content = data[position : position + self._left]
        self._parts.append(content)
        self._left -= len(content)
        if not self._left:
            self._part = self._end
        return position + len(content)

    def _end(self, data: bytes, position: int) -> int:
        if not data.startswith(b"\r\n", position):
            if data.endswith(b"\r", position, position + 1) and position + 1 == len(data):
                return position
            raise ChunkError("a chunk is longer than its size")
        self._part = self._size
        return position + 2

    def _trailer(self, data: bytes, position: int) -> int:
        """One line of it; the last is empty."""
        end = data.find(b"\r\n", position)
        length = (len(data) if end < 0 else end) - position
        if length + self._trailer_bytes > _TRAILER_LIMIT:
            raise ChunkError(f"a trailer of more than {_TRAILER_LIMIT} bytes")
        if end < 0:
            return position
        self._trailer_bytes += length
        self.complete = not length
        return end + 2
