"""Clients and models that take too long, or too much."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from mmebench.endpoints.local import LocalEndpoint
from support.invocations import invoke, json_body, runtime_client
from support.patience import wait_until
from support.served_constants import override
from support.serving import Serve, serving
from support.tiny_models import expected, onnx_archive, weighty_archive

pytestmark = pytest.mark.triton

ROWS = [[1.0, 2.0, 3.0, 4.0]]
MIB = 1024 * 1024
LARGE = 20 * MIB


def request(target: str, length: int) -> bytes:
    """The head of an invocation whose body has so many bytes."""
    return (
        "POST /endpoints/local/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Amzn-SageMaker-Target-Model: {target}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@contextmanager
def connected(endpoint: LocalEndpoint) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(endpoint.url.rpartition(":")[2])), timeout=60) as connection:
        yield connection


def resident_bytes(endpoint: LocalEndpoint) -> int:
    """Of the router alone."""
    return int(psutil.Process(endpoint.pid).memory_info().rss)


def test_a_request_that_is_not_whole_holds_no_target(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(memory="100MiB")  # one fits
    for number, target in enumerate(("first.tar.gz", "second.tar.gz")):
        endpoint.add_targets(weighty_archive(tmp_path / target, number), [target])
    client = runtime_client(endpoint.url)
    invoke(client, "first.tar.gz", ROWS)
    with connected(endpoint) as slow:
        slow.sendall(request("first.tar.gz", 1000) + b"{")
        assert invoke(client, "second.tar.gz", ROWS) == expected(ROWS, 1)
        assert endpoint.residency().resident == ("second.tar.gz",)
        body = json_body(ROWS).ljust(1000)
        slow.sendall(body[1:])
        assert slow.recv(15) == b"HTTP/1.1 200 OK", "it is loaded again, now that all of the request is there"


@pytest.mark.parametrize("part", [b"POST /endpoints/lo", request("a.tar.gz", 1000) + b"{"], ids=["head", "body"])
def test_a_request_that_never_gets_whole_is_refused(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    override(monkeypatch, tmp_path / "site", {"mmebench.wire.http_server._BEGIN_SECONDS": 0.5})
    endpoint = serve(container="python")
    with connected(endpoint) as slow:
        slow.sendall(part)
        answer = slow.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"send it faster" in answer


def test_a_client_that_dribbles_for_ever_is_refused(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(monkeypatch, tmp_path / "site", {"mmebench.wire.http_server._REQUEST_SECONDS": 3.0})
    endpoint = serve(container="python")
    with connected(endpoint) as slow:
        slow.sendall(request("a.tar.gz", LARGE))
        ended = threading.Event()

        def dribble() -> None:
            while not ended.wait(0.1):
                try:
                    slow.sendall(b" " * 1000)
                except OSError:
                    return

        thread = threading.Thread(target=dribble)
        thread.start()
        status = slow.makefile("rb").readline()
        ended.set()
        thread.join()
    assert status == b"HTTP/1.1 408 Request Timeout\r\n"


def test_a_model_that_takes_longer_than_sagemaker_waits(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(monkeypatch, tmp_path / "site", {"mmebench.server.front.exchange._ANSWER_SECONDS": 1.0})
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 1, run=4.0), ["slow.tar.gz"])
    with pytest.raises(ClientError) as caught:
        invoke(runtime_client(endpoint.url), "slow.tar.gz", ROWS)
    response = caught.value.response
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 0)
    assert "timed out while waiting for a response" in response["OriginalMessage"]


def test_bodies_of_clients_that_hang_up_are_freed(serve: Serve, tmp_path: Path) -> None:
    clients = 10
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 1, load=5.0), ["slow.tar.gz"])
    before = resident_bytes(endpoint)
    body = json_body(ROWS).ljust(LARGE)
    for _ in range(clients):
        with connected(endpoint) as connection:
            connection.sendall(request("slow.tar.gz", LARGE) + body)
    wait_until(lambda: resident_bytes(endpoint) - before < clients * LARGE / 4)


def test_what_waits_behind_a_request_is_bounded_in_bytes(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 1, load=3.0), ["slow.tar.gz"])
    before = resident_bytes(endpoint)
    whole = request("slow.tar.gz", LARGE) + json_body(ROWS).ljust(LARGE)
    count, most = 8, 0
    with connected(endpoint) as connection:
        sender = threading.Thread(target=connection.sendall, args=(whole * count,))
        sender.start()
        while not endpoint.residency().loads:
            most = max(most, resident_bytes(endpoint) - before)
            time.sleep(0.1)
        file = connection.makefile("rb")
        for _ in range(count):
            status, length = file.readline(), 0
            while (line := file.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            assert status == b"HTTP/1.1 200 OK\r\n"
            assert json.loads(file.read(length))["outputs"][0]["data"] == expected(ROWS, 1)[0]
        sender.join()
    assert most < 5 * LARGE, "one that is answered, and no more than two behind it; bodies are copied to be read"


def test_idle_connections_leave_room_for_others(tmp_path: Path) -> None:
    """More than the system lets a process have open."""
    (tmp_path / "store").mkdir()
    onnx_archive(tmp_path / "store" / "a.tar.gz", 1)
    few = ("prlimit", "--nofile=300:300")
    with (
        serving(tmp_path / "store", tmp_path / "log", "--container", "python", before=few) as served,
        ExitStack() as idle,
    ):
        for _ in range(400):
            address = ("127.0.0.1", int(served.url.rpartition(":")[2]))
            idle.enter_context(socket.create_connection(address, timeout=60))
        assert invoke(runtime_client(served.url), "a.tar.gz", ROWS) == expected(ROWS, 1)
