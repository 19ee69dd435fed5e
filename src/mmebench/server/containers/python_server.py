"""``python -m mmebench.server.containers.python_server REPOSITORY SOCKET``: the Python fallback.

A v2 server for machines where Triton does not run. It answers the calls that a local endpoint makes, with one
execution a model at a time and no batching across requests, so its speed says nothing about Triton's.
"""

import asyncio
import json
import logging
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mmebench.server.containers.python_models import Models
from mmebench.server.containers.v2_codec import RequestError, decode, decode_raw
from mmebench.wire.http_server import HttpConnection, Request

_log = logging.getLogger(__name__)
_BODY_LIMIT = 64 * 1024 * 1024
_INFER = re.compile(rb"/v2/models/([^/]+)/infer")
_CONTROL = re.compile(rb"/v2/repository/models/([^/]+)/(load|unload)")

Reply = tuple[int, bytes, int | None]
"""Status, body, and the length of the body's JSON part when the rest is binary."""


class Server:
    """Answers requests on the worker threads."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._workers = ThreadPoolExecutor(max(2, os.cpu_count() or 1), "infer")
        # A load must not wait behind inferences, nor they behind it.
        self._loader = ThreadPoolExecutor(1, "load")

    async def reply(self, request: Request) -> Reply:
        """The answer to one request."""
        loop = asyncio.get_running_loop()
        if match := _INFER.fullmatch(request.head.target):
            return await loop.run_in_executor(self._workers, self._infer, match[1].decode(), request)
        if match := _CONTROL.fullmatch(request.head.target):
            return await loop.run_in_executor(self._loader, self._control, match[1].decode(), match[2])
        match request.head.target:
            case b"/v2/health/ready":
                return _json(200, {})
            case b"/v2":
                return _json(200, {"name": "mmebench", "version": sys.version.split()[0]})
            case b"/v2/repository/index":
                return _json(200, [{"name": name, "state": "READY"} for name in self._models.loaded])
            case b"/memory":
                return _json(200, {name: model.memory for name, model in self._models.loaded.items()})
        return _json(404, {"error": "Not Found"})

    def _control(self, name: str, action: bytes) -> Reply:
        try:
            if action == b"load":
                self._models.load(name)
            else:
                self._models.unload(name)
        except Exception as error:  # a model file can be broken in any way
            _log.warning("%s of %s failed", action.decode(), name, exc_info=error)
            return _json(400, {"error": f"load failed for model '{name}': {type(error).__name__}: {error}"})
        return _json(200, {})

    def _infer(self, name: str, request: Request) -> Reply:
        model = self._models.loaded.get(name)
        if model is None:
            return _json(404, {"error": f"Request for unknown model: '{name}' is not found"})
        try:
            length = request.head.headers.get(b"inference-header-content-length")
            body = b"".join(request.chunks)
            if length == b"0":
                return 200, *model.infer(decode_raw(body, model.config))
            return 200, *model.infer(decode(body, int(length) if length else None))
        except RequestError as error:
            return _json(400, {"error": str(error)})
        except Exception as error:  # a model can fail in any way
            _log.warning("inference of %s failed", name, exc_info=error)
            return _json(500, {"error": f"{type(error).__name__}: {error}"})


def _json(status: int, body: Any) -> Reply:
    return status, json.dumps(body).encode(), None


class _Connection(HttpConnection):
    """One client, which is the local endpoint's router."""

    def __init__(self, server: Server) -> None:
        super().__init__(_BODY_LIMIT)
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def request_ready(self, request: Request) -> None:
        task = asyncio.create_task(self._answer(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def refuse(self, status: int, message: str) -> None:
        self._write((status, json.dumps({"error": message}).encode(), None), keep_alive=False)

    async def _answer(self, request: Request) -> None:
        reply = await self._server.reply(request)
        if not self.transport.is_closing():
            self._write(reply, request.keep_alive)
            self.request_ended()

    def _write(self, reply: Reply, keep_alive: bool) -> None:
        status, body, header_length = reply
        head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\nContent-Length: {len(body)}\r\n"
        head += "Content-Type: application/json\r\n"
        if header_length is not None:
            head += f"Inference-Header-Content-Length: {header_length}\r\n"
        if not keep_alive:
            head += "Connection: close\r\n"
        self.transport.writelines([head.encode() + b"\r\n", body])


async def _serve(repository: Path, socket: str) -> None:
    server = Server(Models(repository))
    listener = await asyncio.get_running_loop().create_unix_server(lambda: _Connection(server), socket)
    await listener.serve_forever()


def main() -> None:
    """Serve until killed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    repository, socket = sys.argv[1:]
    asyncio.run(_serve(Path(repository), socket))


if __name__ == "__main__":
    main()
