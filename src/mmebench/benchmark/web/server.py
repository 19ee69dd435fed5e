"""The server of the live page, on 127.0.0.1 for as long as a benchmark takes, for whoever has its address.

Every user of a machine can ask at 127.0.0.1, and Locust's pages have a button that ends the load: the address has
a key in it, which becomes a cookie.

Locust's own pages, which are there while a load goes on, are passed on below ``/locust/``.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files as resources
from secrets import token_urlsafe
from typing import ClassVar, NamedTuple

from mmebench.benchmark.web.picture import LivePicture
from mmebench.load.locust_pages import KEY_HEADER, LOCUST_PAGES, LocustPages
from mmebench.wire.own_pages import why_not

_ADDRESS = "127.0.0.1"
_PATIENCE_SECONDS = 10.0
_LARGEST_BODY = 1 << 20
_NO_LOAD = b"No load goes on now. Locust's pages are here while one does; the live page is at / all the time.\n"
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)
_TOLD_LOCUST = ("Host", "Content-Type", "Accept")
_PASSED_ON = ("Content-Type", "Location", "Content-Disposition", "Cache-Control")


class LivePage(NamedTuple):
    """Where it is, and where Locust's pages are to be."""

    url: str
    """With the key."""
    locust: LocustPages


@contextmanager
def serve_live_page(picture: LivePicture, port: int) -> Iterator[LivePage]:
    """Show the picture at this port of 127.0.0.1."""
    with socket.create_server((_ADDRESS, 0)) as free:
        locust = LocustPages(port=free.getsockname()[1], key=token_urlsafe(16))
    page = resources("mmebench.benchmark.web").joinpath("live.html").read_bytes()
    handler = type(
        "Handler", (_Handler,), {"picture": picture, "page": page, "locust": locust, "cookie": f"mmebench-{port}"}
    )
    server = ThreadingHTTPServer((_ADDRESS, port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="live page", daemon=True)
    thread.start()
    try:
        yield LivePage(f"http://{_ADDRESS}:{port}/?key={locust.key}", locust)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    picture: ClassVar[LivePicture]
    page: ClassVar[bytes]
    locust: ClassVar[LocustPages]
    cookie: ClassVar[str]
    """Its name; browsers give cookies to all ports of a host alike."""
    timeout = _PATIENCE_SECONDS

    def do_GET(self) -> None:
        """The page, its picture, or what Locust has there."""
        if not self._is_welcome():
            return
        path, _, query = self.path.partition("?")
        if query.startswith("key="):  # the browser keeps it, and its address does not show it
            self.send_response(303)
            self.send_header("Location", "/")
            self.send_header("Set-Cookie", f"{self.cookie}={self.locust.key}; Path=/; HttpOnly; SameSite=Strict")
            self._finish(b"")
        elif path == "/":
            self._answer(200, "text/html; charset=utf-8", self.page)
        elif path == "/live":
            self._answer(200, "application/json", json.dumps(self.picture.describe()).encode())
        elif path.startswith(f"{LOCUST_PAGES}/"):
            self._pass_on(None)
        else:
            self._answer(404, "text/plain", b"Nothing is here. The live page is at /\n")

    def do_POST(self) -> None:
        """Only to Locust."""
        if not self._is_welcome():
            return
        length = self.headers.get("Content-Length", "0")
        if not self.path.startswith(f"{LOCUST_PAGES}/") or not length.isdecimal() or int(length) > _LARGEST_BODY:
            self._answer(404, "text/plain", b"Nothing here takes that.\n")
            return
        self._pass_on(self.rfile.read(int(length)))

    def _is_welcome(self) -> bool:
        reason = why_not(dict(self.headers.items()), _ADDRESS)
        if reason is None and not self._has_key():
            reason = "this page is for whoever started the benchmark; open the whole address that it told"
        if reason is not None:
            self._answer(403, "text/plain; charset=utf-8", f"{reason}\n".encode())
        return reason is None

    def _has_key(self) -> bool:
        """In the address or in the cookie: a browser may still have that of an earlier benchmark."""
        kept = (cookie.strip().partition("=") for cookie in self.headers.get("Cookie", "").split(";"))
        given = [self.path.partition("?key=")[2], *(value for name, _, value in kept if name == self.cookie)]
        return any(compare_digest(key.encode(), self.locust.key.encode()) for key in given)

    def _pass_on(self, body: bytes | None) -> None:
        connection = HTTPConnection(_ADDRESS, self.locust.port, timeout=_PATIENCE_SECONDS)
        try:
            told = {name: self.headers[name] for name in _TOLD_LOCUST if self.headers[name]}
            connection.request(self.command, self.path, body, told | {KEY_HEADER: self.locust.key})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException):
            self._answer(503, "text/plain", _NO_LOAD)
            return
        finally:
            connection.close()
        self.send_response(answer.status)
        for name in _PASSED_ON:
            if (value := answer.getheader(name)) is not None:
                self.send_header(name, value)
        self._finish(content)

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("Cache-Control", "no-store")
        self._finish(content)

    def _finish(self, content: bytes) -> None:
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """The terminal is for the benchmark."""
