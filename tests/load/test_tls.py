import ssl
from pathlib import Path

import gevent
import pytest
import trustme
from gevent.event import Event

from mmebench.errors import BadInputError
from mmebench.load.client.answer import Head
from mmebench.load.client.client import parse_address
from mmebench.load.client.connection import Address
from mmebench.load.client.tls import TlsConnection
from mmebench.load.processes.process import offer_load
from mmebench.record.samples import keep_samples, read_samples
from support.load_run import make_job
from support.scripted_server import OK, ScriptedServer

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
AUTHORITY = trustme.CA()


def server_context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, host: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    AUTHORITY.issue_cert(host).configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


class Client:
    """Sends one request after another and waits for each."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.connection = TlsConnection(Address("localhost", port, context, connect_timeout=5), self._answered)
        self._done = Event()
        self.result: tuple[int, str | None, int] = (0, None, 0)

    def _answered(self, head: Head | None, error: str | None, body_bytes: int, end_ns: int) -> None:
        self.result = (head.status if head else 0, error, body_bytes)
        self._done.set()

    def send(self, body: bytes) -> tuple[int, str | None, int]:
        self._done.clear()
        head = HEAD % len(body)
        if len(body) < 1000:
            self.connection.request(head + body, None)
        else:
            self.connection.request(head, memoryview(body))
        assert self._done.wait(20), "no answer and no failure"
        return self.result


@pytest.fixture
def context() -> ssl.SSLContext:
    return client_context()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [3, 1000, 16_384, 602_310, 5_000_000])
def test_bodies_of_any_size_arrive_whole(version: ssl.TLSVersion, size: int, context: ssl.SSLContext) -> None:
    body = bytes(range(251)) * (size // 251 + 1)
    with ScriptedServer(lambda n: (OK,), server_context(version)) as server:
        client = Client(server.port, context)
        assert [client.send(body[:size]) for _ in range(3)] == [(200, None, 2)] * 3
        assert server.requests == [HEAD % size + body[:size]] * 3
        assert server.connections == 1
        client.connection.close()


@pytest.mark.parametrize("size", [0, 16_384, 100_000, 3_000_000])
def test_answers_of_any_size(size: int, context: ssl.SSLContext) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"y" * size
    with ScriptedServer(lambda n: (answer,), server_context()) as server:
        client = Client(server.port, context)
        assert [client.send(b"abc") for _ in range(3)] == [(200, None, size)] * 3
        client.connection.close()


def test_an_answer_in_many_records(context: ssl.SSLContext) -> None:
    steps = [step for at in range(len(OK)) for step in (OK[at : at + 1], 0.001)]
    with ScriptedServer(lambda n: steps, server_context()) as server:
        client = Client(server.port, context)
        assert client.send(b"abc") == (200, None, 2)
        client.connection.close()


def test_a_closed_idle_connection_is_opened_again(context: ssl.SSLContext) -> None:
    with ScriptedServer(lambda n: (OK,), server_context()) as server:
        client = Client(server.port, context)
        assert client.send(b"abc")[0] == 200
        server.close_connections()
        gevent.sleep(0.1)
        assert client.send(b"abc")[0] == 200
        assert server.connections == 2
        client.connection.close()


def test_a_server_that_slams_the_door_is_a_failure(context: ssl.SSLContext) -> None:
    with ScriptedServer(lambda n: (None,), server_context()) as server:
        status, error, _ = Client(server.port, context).send(b"abc")
        assert (status, error) == (0, "ConnectionClosed")


def test_an_unknown_authority_is_refused() -> None:
    with ScriptedServer(lambda n: (OK,), server_context()) as server:
        assert Client(server.port, ssl.create_default_context()).send(b"abc")[1] == "SSLCertVerificationError"
        assert server.requests == []


def test_a_certificate_of_another_host_is_refused(context: ssl.SSLContext) -> None:
    with ScriptedServer(lambda n: (OK,), server_context(host="elsewhere.example")) as server:
        assert Client(server.port, context).send(b"abc")[1] == "SSLCertVerificationError"
        assert server.requests == []


@pytest.mark.slow
def test_a_server_without_tls_is_refused(context: ssl.SSLContext) -> None:
    with ScriptedServer(lambda n: (OK,)) as server:
        error = Client(server.port, context).send(b"abc")[1]
        assert error in ("ConnectTimeout", "SSLError", "ConnectionResetError")


@pytest.mark.slow
def test_a_load_over_tls_with_a_given_authority(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(ca))
    with ScriptedServer(lambda n: (0.01, OK), server_context()) as server:
        job = make_job(
            server.port,
            tmp_path / "samples.arrows",
            {"profile": {"stages": [{"users": 2, "duration": 2}]}},
            url=f"https://localhost:{server.port}",
            ca=ca,
        )
        offer_load(job, tmp_path / "load", tmp_path / "load.log", lambda live: live, lambda stage: None)
        requests = len(server.requests)
    assert keep_samples(job.samples, tmp_path / "samples.parquet") == requests > 50
    assert read_samples(tmp_path / "samples.parquet")["error"].null_count == requests


def test_an_authority_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(BadInputError, match=r"ca\.pem: .*give a file of certificates"):
        parse_address("https://localhost", tmp_path / "ca.pem")
    with pytest.raises(BadInputError, match=r"none\.pem: .*give a file of certificates"):
        parse_address("https://localhost", tmp_path / "none.pem")
