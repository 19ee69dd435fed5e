"""A multi-model container of one's own: the contract and nothing else, in the standard library's plainest HTTP.

A model is a folder with a file ``offset``; it answers ``3 x + offset`` for each number of a JSON list.
"""

import json
import os
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from mmebench.formats.archive import pack


def offset_archive(path: Path, offset: float, padding: int = 0) -> Path:
    """An archive in which Triton would find nothing, with so many bytes that do not compress beside."""
    folder = path.parent / f"{path.name}-folder"
    folder.mkdir()
    (folder / "offset").write_text(str(offset))
    (folder / "padding").write_bytes(os.urandom(padding))
    pack(folder, path)
    return path


class ContractServer:
    """Holds at most ``room`` models; beyond that it says 507.

    ``busy`` is how many may be in memory for an invocation to find room to run.
    """

    def __init__(self, room: int = 100, busy: int = 100, port: int = 0) -> None:
        self.room = room
        self.busy = busy
        self.well = True
        self.models: dict[str, tuple[str, float]] = {}
        """Target and offset, by model."""
        self.calls: Counter[str] = Counter()
        self.attributes: list[str] = []
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"container": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def targets(self) -> set[str]:
        return {target for target, _ in self.models.values()}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _compute(asked: Any, offset: float) -> Any:
    """A list of numbers, or the first tensor of a v2 request."""
    if isinstance(asked, list):
        return [3 * value + offset for value in asked]
    return {"outputs": [{"data": _compute(asked["inputs"][0]["data"], offset)}]}


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: each answer ends with its connection, and nothing says how long it is."""

    container: ContractServer

    def do_GET(self) -> None:
        if self.path == "/ping":
            self._answer(200 if self.container.well else 500)
        elif self.path == "/models":
            self._answer(200, {"models": [{"modelName": name, "modelUrl": "?"} for name in self.container.models]})
        else:
            self._answer(200 if self.path.removeprefix("/models/") in self.container.models else 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers["X-Amzn-SageMaker-Target-Model"]
        with self.container.lock:
            if self.path == "/models":
                self._load(json.loads(body), target)
            else:
                self._invoke(self.path.split("/")[2], target, body)

    def do_DELETE(self) -> None:
        with self.container.lock:
            self.container.calls["unload"] += 1
            gone = self.container.models.pop(unquote(self.path.removeprefix("/models/")), None)
        self._answer(404 if gone is None else 200)

    def _load(self, asked: dict[str, str], target: str) -> None:
        container, name = self.container, asked["model_name"]
        container.calls["load"] += 1
        if name in container.models:
            self._answer(409, {"error": "loaded already"})
        elif len(container.models) >= container.room:
            self._answer(507, {"error": "no room"})
        else:
            (found,) = Path(asked["url"]).glob("**/offset")
            container.models[name] = target, float(found.read_text())
            self._answer(200, {})

    def _invoke(self, name: str, target: str, body: bytes) -> None:
        container = self.container
        container.calls["invoke"] += 1
        container.attributes.append(self.headers.get("X-Amzn-SageMaker-Custom-Attributes", ""))
        if name not in container.models:
            self._answer(404)
        elif len(container.models) > container.busy:
            self._answer(507, {"error": "no room to run"})
        elif container.models[name][0] != target:
            self._answer(500, {"error": f"{name} is {container.models[name][0]} and not {target}"})
        else:
            try:
                self._answer(200, _compute(json.loads(body), container.models[name][1]))
            except (ValueError, TypeError) as error:
                self._answer(400, {"error": str(error)})

    def _answer(self, status: int, body: Any = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from the container")
        self.end_headers()
        self.wfile.write(b"" if body is None else json.dumps(body).encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silent."""
