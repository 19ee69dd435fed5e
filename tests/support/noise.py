"""What a busy machine does to latencies, so that no test judges it."""

import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from support.scripted_server import OK, ScriptedServer

_REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"


def percentile(values: NDArray[np.float64], share: float) -> float:
    return float(np.quantile(values, share, method="inverted_cdf"))


def held_seconds(server: ScriptedServer) -> NDArray[np.float64]:
    """How long it really held each request: a sleep ends late on a busy machine, and the answer is late then."""
    return np.array([end - start for start, end in server.spans]) / 1e9


class Noise:
    """What this machine adds to latencies at this time, whoever measures them.

    A process of the client's shape, one thread that waits for all of its plain sockets, asks a server of its own
    while the load runs. By as much as its figures differ from what that server recorded, the client's may as well.
    """

    def __init__(self, hold: Callable[[int], float], connections: int) -> None:
        self._server = ScriptedServer(lambda n: (hold(n), OK))
        self._connections = connections

    def __enter__(self) -> Self:
        self._server.__enter__()
        command = [sys.executable, "-m", __name__, str(self._server.port), str(self._connections)]
        self._asker = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        seen, _unused = self._asker.communicate()
        self._server.__exit__(None, None, None)
        assert self._asker.returncode == 0
        self._seen = np.array(seen.split(), dtype=float)

    def at(self, share: float) -> float:
        """In seconds, at this percentile; after the block."""
        return abs(percentile(self._seen, share) - percentile(held_seconds(self._server), share))


def ask(port: int, connections: int) -> list[float]:
    """Seconds that each answer took, until stdin ends."""
    seen: list[float] = []
    asked: dict[socket.socket, float | None] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            selector.register(connection, selectors.EVENT_READ)
            asked[connection] = None  # the first waits for the server to take the connection
            connection.sendall(_REQUEST)
        while True:
            for key, _events in selector.select():
                if not isinstance(key.fileobj, socket.socket):
                    return seen
                assert key.fileobj.recv(4096) == OK
                now, since = time.monotonic(), asked[key.fileobj]
                if since is not None:
                    seen.append(now - since)
                asked[key.fileobj] = now
                key.fileobj.sendall(_REQUEST)


if __name__ == "__main__":
    print(*ask(int(sys.argv[1]), int(sys.argv[2])))
