"""The least that a client in Python can do: send the same bytes, read the answer, and nothing else.

No HTTP, no signature, no clock, no sample. What this costs is what the machine's system calls, its loopback and
its encryption cost; no client of the same language can be much cheaper.
"""

import argparse
import json
import resource
import select
import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit

_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """Sends the request, counts the bytes of the answer, and sends it again."""

    def __init__(self, plain: socket.socket, request: memoryview, wait_to_write: Callable[[bool], None]) -> None:
        self._socket = plain
        self._request = request
        self._wait_to_write = wait_to_write
        self._sent = 0
        self._waits = False
        self.answers = 0

    def write(self) -> None:
        """As much as it takes now."""
        try:
            while self._sent < len(self._request):
                self._sent += self._socket.send(self._request[self._sent :])
        except _AGAIN:
            self._wait_to_write(True)
            self._waits = True
        else:
            if self._waits:
                self._wait_to_write(False)
                self._waits = False

    def read(self) -> None:
        """Whatever is there is the answer; the server sends small ones whole."""
        try:
            if self._socket.recv(65536):
                self._sent = 0
                self.answers += 1
                self.write()
        except _AGAIN:
            pass  # a session ticket, which is no answer


def connect(url: str, ca: str | None) -> socket.socket:
    """A connection that does not block, encrypted where ``url`` says so."""
    parts = urlsplit(url)
    plain = socket.create_connection((parts.hostname, parts.port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if parts.scheme == "https":
        plain = ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname=parts.hostname)
    plain.setblocking(False)
    return plain


def run(url: str, ca: str | None, body: bytes, connections: int, seconds: float) -> float:
    """Microseconds of CPU for each request."""
    head = (
        f"POST /endpoints/bench/invocations HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Content-Length: {len(body)}\r\nX-Amzn-SageMaker-Target-Model: model-v0.tar.gz\r\n"
        f"X-As-Long-As-A-Signature: {'0' * 300}\r\n\r\n"
    )
    request = memoryview(head.encode() + body)
    poll = select.epoll()
    found: dict[int, Connection] = {}
    for _ in range(connections):
        opened = connect(url, ca)
        number = opened.fileno()

        def wait_to_write(wanted: bool, number: int = number) -> None:
            poll.modify(number, select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

        found[number] = Connection(opened, request, wait_to_write)
        poll.register(number, select.EPOLLIN)
    before, end = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() + seconds
    for connection in found.values():
        connection.write()
    while time.monotonic() < end:
        for number, event in poll.poll(1):
            if event & select.EPOLLOUT:
                found[number].write()
            if event & select.EPOLLIN:
                found[number].read()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu / sum(connection.answers for connection in found.values()) * 1e6


def main() -> None:
    """Print the result as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("body")
    parser.add_argument("--ca")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    asked = parser.parse_args()
    with open(asked.body, "rb") as file:
        body = file.read()
    print(json.dumps(run(asked.url, asked.ca, body, asked.connections, asked.seconds)))


if __name__ == "__main__":
    main()
