import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns

import gevent
import numpy as np
import pytest
from gevent.event import Event

from mmebench.load.client.answer import Head
from mmebench.load.client.connection import Address, Connection
from support.noise import held_seconds
from support.patience import wait_until
from support.scripted_server import OK, ScriptedServer, Step

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


@dataclass
class Result:
    status: int
    error: str | None
    body_bytes: int
    milliseconds: float


class Client:
    """Waits for each answer, so that tests read from top to bottom."""

    def __init__(self, port: int, host: str = "127.0.0.1", connect_timeout: float = 5) -> None:
        self.connection = Connection(Address(host, port, connect_timeout=connect_timeout), self._answered)
        self._done = Event()
        self.results: list[Result] = []

    def _answered(self, head: Head | None, error: str | None, body_bytes: int, end_ns: int) -> None:
        milliseconds = (end_ns - self.connection.start_ns) / 1e6
        self.results.append(Result(head.status if head else 0, error, body_bytes, milliseconds))
        self._done.set()

    def send(self, head: bytes = REQUEST, body: bytes | None = None) -> Result:
        self._done.clear()
        self.connection.request(head, None if body is None else memoryview(body))
        assert self._done.wait(10), "no answer and no failure"
        return self.results[-1]


def always(*steps: Step) -> Callable[[int], tuple[Step, ...]]:
    return lambda _: steps


def test_many_requests_on_one_connection() -> None:
    with ScriptedServer(always(OK)) as server:
        client = Client(server.port)
        assert [client.send().status for _ in range(50)] == [200] * 50
        assert server.connections == 1
        assert server.requests == [REQUEST] * 50
        assert client.results[-1].body_bytes == 2
        client.connection.close()


@pytest.mark.parametrize("size", [0, 1, 65_000, 5_000_000])
def test_bodies_of_any_size_both_ways(size: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    body = bytes(range(256)) * (size // 256 + 1)
    with ScriptedServer(always(answer)) as server:
        client = Client(server.port)
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        for _ in range(3):
            assert client.send(head, body).body_bytes == size
        assert server.requests == [head + body] * 3
        client.connection.close()


def test_an_answer_in_single_bytes() -> None:
    pieces = [OK[at : at + 1] for at in range(len(OK))]
    with ScriptedServer(always(*[step for piece in pieces for step in (piece, 0.001)])) as server:
        client = Client(server.port)
        assert [client.send().error for _ in range(3)] == [None] * 3
        client.connection.close()


def test_chunked_answers() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    steps = (head + b"5\r\nhel", 0.02, b"lo\r\n", 0.02, b"3;name=value\r\nabc\r\n0\r\nTrailer: x\r\n\r\n")
    with ScriptedServer(always(*steps)) as server:
        client = Client(server.port)
        assert [client.send().body_bytes for _ in range(3)] == [8] * 3
        assert server.connections == 1
        client.connection.close()


def test_an_answer_that_ends_with_the_connection() -> None:
    with ScriptedServer(always(b"HTTP/1.1 200 OK\r\n\r\nall of it", None)) as server:
        client = Client(server.port)
        assert [client.send().body_bytes for _ in range(3)] == [9] * 3
        assert server.connections == 3


def test_connection_close_is_obeyed() -> None:
    with ScriptedServer(always(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")) as server:
        client = Client(server.port)
        assert [client.send().error for _ in range(3)] == [None] * 3
        assert server.connections == 3


def test_100_continue_is_not_the_answer() -> None:
    with ScriptedServer(always(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 0)) as together:
        client = Client(together.port)
        assert [client.send().status for _ in range(2)] == [200, 200]
        client.connection.close()
    with ScriptedServer(always(b"HTTP/1.1 100 Continue\r\n\r\n", 0.02, OK)) as apart:
        client = Client(apart.port)
        assert client.send().status == 200
        client.connection.close()


def test_a_request_that_meets_the_end_of_an_idle_connection_is_sent_again() -> None:
    with ScriptedServer(lambda n: (None,) if n == 1 else (OK,)) as server:
        client = Client(server.port)
        assert [client.send().error for _ in range(3)] == [None] * 3
        assert server.connections == 2
        assert len(server.requests) == 4, "the second request came twice"
        client.connection.close()


@pytest.mark.parametrize("end", [None, -1.0], ids=["closed", "reset"])
def test_a_request_that_the_server_had_for_longer_is_not_sent_again(end: float | None) -> None:
    with ScriptedServer(lambda n: (0.3, end) if n == 1 else (OK,)) as server:
        client = Client(server.port)
        assert client.send().error is None
        assert client.send().error in ("ConnectionClosed", "ConnectionResetError")
        assert client.send().error is None
        assert len(server.requests) == 3, "each came once"
        client.connection.close()


def test_an_idle_connection_that_was_closed_is_opened_again() -> None:
    with ScriptedServer(always(OK)) as server:
        client = Client(server.port)
        assert client.send().error is None
        server.close_connections()
        gevent.sleep(0.1)
        assert client.send().error is None
        assert len(server.requests) == 2
        client.connection.close()


def test_a_new_connection_that_dies_is_a_failure() -> None:
    with ScriptedServer(always(None)) as server:
        client = Client(server.port)
        assert client.send().error == "ConnectionClosed"
        assert len(server.requests) == 1


def test_an_answer_cut_off_is_a_failure_even_on_a_reused_connection() -> None:
    with ScriptedServer(lambda n: (OK,) if n == 0 else (OK[:-1], None)) as server:
        client = Client(server.port)
        assert client.send().error is None
        cut = client.send()
        assert (cut.status, cut.error, cut.body_bytes) == (200, "ConnectionClosed", 1)
        assert len(server.requests) == 2, "an answer that had begun is not asked for again"


def test_a_reset_is_a_failure() -> None:
    with ScriptedServer(always(OK[:20], 0.05, -1.0)) as server:
        assert Client(server.port).send().error == "ConnectionResetError"


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
    ],
    ids=lambda answer: answer[:60].decode().encode("unicode_escape").decode()[-20:],
)
def test_what_is_not_http_is_a_failure(answer: bytes) -> None:
    with ScriptedServer(lambda n: (answer,) if n == 0 else (OK,)) as server:
        client = Client(server.port)
        assert client.send().error == "ProtocolError"
        assert client.send().error is None, "the next request has a new connection"
        client.connection.close()


def test_a_late_answer_does_not_meet_the_next_request() -> None:
    slow = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow"
    given_up = threading.Event()

    def script(number: int) -> tuple[Step, ...]:
        if number > 0:
            return (OK,)
        given_up.wait(10)
        return (slow,)

    with ScriptedServer(script) as server:
        client = Client(server.port)
        asked = monotonic_ns()
        client.connection.request(REQUEST, None)
        gevent.sleep(0.1)
        client.connection.give_up("ReadTimeout")
        assert client.results[-1].error == "ReadTimeout"
        assert 90 < client.results[-1].milliseconds <= (monotonic_ns() - asked) / 1e6
        given_up.set()
        wait_until(lambda: len(server.spans) == 1)
        gevent.sleep(0.1)
        assert client.send().body_bytes == 2
        assert len(client.results) == 2
        client.connection.close()


def test_nobody_listens() -> None:
    with ScriptedServer(always(OK)) as server:
        port = server.port
    assert Client(port).send().error == "ConnectionRefusedError"


def test_a_name_that_does_not_resolve() -> None:
    assert Client(1, host="no-such-host.invalid").send().error in ("gaierror", "ConnectTimeout")


def test_latency_is_the_servers() -> None:
    with ScriptedServer(always(0.05, OK)) as server:
        client = Client(server.port)
        seen = np.array([client.send().milliseconds for _ in range(6)])
        wait_until(lambda: len(server.spans) == len(seen))  # it notes a span after its answer is out
        added = seen - 1000 * held_seconds(server)
        assert added.min() >= 0, "nothing is hidden"
        assert added[1:].min() < 15, "and nothing made up; a busy machine may be slow now and then"
        assert client.connection.first_byte_ns <= monotonic_ns()
        client.connection.close()
