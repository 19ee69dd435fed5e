import asyncio
import json

from mmebench.server.containers.control import wait_unloaded
from mmebench.server.containers.http_control import HttpControl
from support.scripted_server import ScriptedServer


def answer(status: str, document: object) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)) + body


def unloaded(server: ScriptedServer, seconds: float) -> bool:
    return asyncio.run(wait_unloaded(HttpControl(("127.0.0.1", server.port)), "m", seconds))


def test_an_index_that_is_not_to_be_had_is_asked_for_again() -> None:
    """Triton answers so while another model's directory goes."""
    answers = [
        answer("400 Bad Request", {"error": "failed to stat file"}),
        answer("200 OK", [{"name": "m", "state": "READY"}]),
        answer("200 OK", [{"name": "m", "state": "UNAVAILABLE"}]),
    ]
    with ScriptedServer(lambda number: (answers[number],)) as server:
        assert unloaded(server, 10)
        assert len(server.requests) == 3


def test_a_model_that_stays_is_said_to_be_there() -> None:
    with ScriptedServer(lambda _: (answer("200 OK", [{"name": "m", "state": "UNLOADING"}]),)) as server:
        assert not unloaded(server, 0.2)
