"""One HTTP/1.1 call at a time, for controlling a container; measured requests never come this way."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httptools

Address = tuple[str, int] | Path
"""Where a server listens: host and port, or a Unix socket."""


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, whatever it holds."""
        return self.body.decode("utf-8", "replace")


class _Collector:
    """Gathers one response from httptools' callbacks."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.chunks: list[bytes] = []
        self.complete = False
        self.framed = False
        """Whether the answer says where it ends."""
        self.ends_with_connection = False

    def on_headers_complete(self) -> None:
        self.ends_with_connection = not self.framed

    def on_header(self, name: bytes, value: bytes) -> None:
        self.framed = self.framed or name.lower() in (b"content-length", b"transfer-encoding")

    def on_body(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def on_message_complete(self) -> None:
        self.complete = True


async def call(
    address: Address, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """Send one request on a connection of its own and read the whole answer.

    Args:
        address: where the server listens.
        method: GET, POST, …
        path: with the query.
        body: of the request.
        headers: besides Host, Connection and Content-Length.

    Raises:
        ConnectionError: nobody listens, or the connection ended before the answer did.
    """
    if isinstance(address, Path):
        reader, writer = await asyncio.open_unix_connection(address)
    else:
        reader, writer = await asyncio.open_connection(*address)
    try:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = _Collector()
        while not answer.complete:
            data = await reader.read(65536)
            if not data and answer.ends_with_connection:
                break
            if not data:
                raise ConnectionResetError(f"{shown(address)} closed the connection before it answered")
            try:
                answer.parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise ConnectionError(f"{shown(address)} does not speak HTTP: {error}") from error
        return Answer(answer.parser.get_status_code(), b"".join(answer.chunks))
    finally:
        writer.close()


def shown(address: Address) -> str:
    """As people read it."""
    return str(address) if isinstance(address, Path) else f"{address[0]}:{address[1]}"
