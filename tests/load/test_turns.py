"""Connections to a listener that takes them slowly, and has room for few."""

import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic, monotonic_ns

import gevent
import pytest

from mmebench.load.client.answer import Head
from mmebench.load.client.connection import Address, Connection
from mmebench.load.client.turns import Turns, retransmitted
from support.load_run import LoadRun
from support.scripted_server import OK, ScriptedServer

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


def soon(condition: Callable[[], bool], seconds: float) -> None:
    """Return once it holds; the hub goes on meanwhile."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"not so within {seconds} s"
        gevent.sleep(0.01)


class Crowd:
    """Connections that all ask at once."""

    def __init__(self, address: Address, count: int) -> None:
        self.errors: list[str | None] = []
        self.connections = [Connection(address, self._answered) for _ in range(count)]
        for connection in self.connections:
            connection.request(REQUEST, None)

    def _answered(self, head: Head | None, error: str | None, body_bytes: int, end_ns: int) -> None:
        self.errors.append(error)

    def wait(self) -> None:
        soon(lambda: len(self.errors) == len(self.connections), 60)
        for connection in self.connections:
            connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_crowd_comes_at_the_pace_that_the_listener_takes_it(host: str) -> None:
    """All at once, most would be dropped, and again after a second; they have no time for a third attempt."""
    with ScriptedServer(lambda n: (OK,), backlog=16, accept_seconds=0.004) as server:
        crowd = Crowd(Address(host, server.port, connect_timeout=2.5), 400)
        crowd.wait()
        assert crowd.errors == [None] * 400
        assert server.connections == 400


def test_where_nothing_is_dropped_nobody_waits() -> None:
    with ScriptedServer(lambda n: (OK,)) as server:
        address = Address("127.0.0.1", server.port)
        crowd = Crowd(address, 300)
        crowd.wait()
        assert address.turns._pause == 0
        assert crowd.errors == [None] * 300


def test_whoever_gives_up_in_the_line_leaves_its_place_to_the_next() -> None:
    turns, begun = Turns(), list[int]()
    for number in range(6):
        turns.ask(lambda number=number: begun.append(number))  # type: ignore[misc]
    assert begun == [0, 1, 2, 3], "so many at first"
    turns.over()
    turns.over()
    assert begun == [0, 1, 2, 3, 4, 5]

    with ScriptedServer(lambda n: (OK,)) as server:
        address = Address("127.0.0.1", server.port, turns=turns)
        crowd = Crowd(address, 2)
        crowd.connections[0].give_up("ReadTimeout")
        assert crowd.errors == ["ReadTimeout"]
        for _ in range(4):
            turns.over()
        crowd.wait()
        assert crowd.errors == ["ReadTimeout", None]
        assert server.connections == 1


def test_who_waits_for_a_turn_is_not_given_up() -> None:
    with ScriptedServer(lambda n: (OK,)) as server:
        turns = Turns()
        for _ in range(4):
            turns.ask(lambda: None)  # and no place is left
        crowd = Crowd(Address("127.0.0.1", server.port, turns=turns), 1)
        (connection,) = crowd.connections
        asked = monotonic_ns()
        assert connection.start_ns < asked < connection.turn_ns
        turns.over()
        crowd.wait()
        assert asked < connection.turn_ns < monotonic_ns()


def test_a_listener_that_is_not_there_refuses_all_in_turn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    crowd = Crowd(Address("127.0.0.1", port), 100)
    crowd.wait()
    assert crowd.errors == ["ConnectionRefusedError"] * 100
    assert all(connection.came_ns for connection in crowd.connections), "each had its turn"


def test_what_was_dropped_slows_those_who_follow_until_others_were_taken() -> None:
    turns, begun = Turns(), list[float]()
    turns.dropped()

    def begin() -> None:
        begun.append(monotonic())
        gevent.spawn(turns.over)

    for _ in range(8):
        turns.ask(begin)
    soon(lambda: len(begun) == 8, 10)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as opened:
        opened.connect(listener.getsockname())
        assert retransmitted(opened) == 0
        pause, most = turns._pause, turns._most
        turns.taken(opened)
        assert 0 < turns._pause < pause
        assert turns._most == most + 1


@pytest.mark.slow
def test_the_system_says_that_it_had_to_ask_again() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())  # takes the only place
        second = socket.socket()
        second.setblocking(False)
        second.connect_ex(listener.getsockname())
        gevent.sleep(0.5)
        listener.accept()[0].close()  # and now there is room
        soon(lambda: second.connect_ex(listener.getsockname()) in (0, 106), 10)
        assert retransmitted(second) >= 1
        second.close()


@pytest.mark.slow
def test_users_who_come_late_are_told_and_the_window_waits_for_them(tmp_path: Path) -> None:
    run = LoadRun(
        tmp_path, lambda n: (0.05, OK), {}, {"users": 150, "duration": 12}, backlog=8, accept_seconds=0.02
    )
    (stage,) = run.stages
    assert run.samples["error"].null_count == run.count, "no time-outs"
    assert run.server.connections == 150
    assert stage.ready - stage.start > 2, "as long as it takes to accept them"
    assert stage.note is not None
    assert stage.note.startswith("users came later than asked: the last one had its connection ")
    first = run.column("start_ns")[run.samples["end_ns"].to_numpy() / 1e9 <= stage.ready]
    assert len(first), "what was answered meanwhile is kept, and does not count"


@pytest.mark.slow
def test_a_stage_in_which_not_all_have_come_has_no_window(tmp_path: Path) -> None:
    run = LoadRun(tmp_path, lambda n: (0.05, OK), {}, {"users": 40, "duration": 2}, backlog=1, accept_seconds=0.2)
    (stage,) = run.stages
    assert stage.ready == stage.end
    assert "users had no connection when the stage was over" in (stage.note or "")
