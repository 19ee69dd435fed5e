"""A real server on a real socket that does what a script says, however wrong that is for HTTP."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

Step = bytes | float | None
"""Send bytes, wait for seconds, or close; a negative wait resets the connection."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class ScriptedServer:
    """Answers request number ``n`` (over all connections, from 0) with ``script(n)``; keeps what it received."""

    def __init__(
        self,
        script: Callable[[int], Sequence[Step]],
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server((host, 0), backlog=512)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.connections = 0
        self.spans: list[tuple[int, int]] = []
        """When each request had come and the last of its answer was to be sent, by ``time.monotonic_ns``.

        So that no client sees less, however late this server gets the processor back after it has sent.
        """
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._tls.wrap_socket(plain, server_side=True) if self._tls else plain as connection:
                self._open.append(connection)
                while request := _read_request(connection):
                    received = answered = time.monotonic_ns()
                    with self._lock:
                        number = len(self.requests)
                        self.requests.append(request)
                    for step in self._script(number):
                        if step is None:
                            return
                        if isinstance(step, bytes):
                            answered = time.monotonic_ns()
                            connection.sendall(step)
                        elif step < 0:
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                            return
                        else:
                            time.sleep(step)
                    self.spans.append((received, answered))
        except OSError:
            return  # the client hung up, as some tests mean it to

    def close_connections(self) -> None:
        """Close those that are idle now, as a server does after a while."""
        for connection in self._open:
            connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        chunk = connection.recv(1 << 20)
        if not chunk:
            return b""
        body += chunk
    return head + b"\r\n\r\n" + body
