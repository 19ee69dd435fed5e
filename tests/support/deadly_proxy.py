"""Stands before AWS, counts what it is asked, and may kill who asks once a certain call has been carried out.

It may also stop who asks at every call, for somebody to look at what there would be if it had been killed there,
and refuse in the place of AWS, in the words of AWS.
"""

import http.client
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import psutil

from support.patience import wait_until


class DeadlyProxy:
    """``kill_after``: the number of the call whose answer its caller does not live to see; None: all live."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.calls: list[str] = []
        self.kill_after: int | None = None
        self.victim: int | None = None
        self.refusals: dict[str, list[tuple[str, str] | None]] = {}
        """By call: code and message of the next refusals, in turn; None lets one through."""
        self.consequences: dict[str, Callable[[dict[str, Any]], None]] = {}
        """By call: what else happens on AWS when it is carried out, given what was asked."""
        self.look: Callable[[str], None] | None = None
        """Called with each call, before its answer is given; who asked does nothing then, in no thread."""
        self.lock = threading.RLock()
        """Held while a call is carried out: between two of them AWS stands still."""
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def forget(self, kill_after: int | None = None) -> None:
        """Count from the start again."""
        self.calls, self.kill_after, self.victim, self.refusals, self.look = [], kill_after, None, {}, None

    def carried_out(self, call: str) -> bool:
        """Note it; whether its caller still lives."""
        with self.lock:
            self.calls.append(call)
            if self.look is not None and self.victim is not None:
                with _stopped(self.victim):
                    self.look(call)
            if self.kill_after is None or len(self.calls) < self.kill_after:
                return True
            if self.victim is not None:
                os.kill(self.victim, signal.SIGKILL)
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """A process that does not run: it has on disk what it would leave if it were killed."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
        yield
    finally:
        process.resume()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: DeadlyProxy

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        what = self.headers.get("X-Amz-Target", f"S3.{self.command}").rpartition(".")[2]
        refusals = self.proxy.refusals.get(what)
        if refusals and (refusal := refusals.pop(0)):
            self._refuse(*refusal)
            return
        headers = {key: value for key, value in self.headers.items() if key.lower() != "expect"}
        with self.proxy.lock:
            connection = http.client.HTTPConnection(self.proxy.upstream, timeout=60)
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if what in self.proxy.consequences:
                self.proxy.consequences[what](json.loads(body))
            if not self.proxy.carried_out(what):
                self.close_connection = True
                return
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("connection", "date", "server", "transfer-encoding", "content-length"):
                self.send_header(key, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, code: str, message: str) -> None:
        content = json.dumps({"__type": code, "message": message}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        pass
