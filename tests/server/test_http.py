"""The router's HTTP, byte by byte, over a real endpoint."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmebench.endpoints.local import LocalEndpoint
from support.invocations import binary_body, json_body
from support.tiny_models import onnx_archive

pytestmark = pytest.mark.triton

BODY = json_body([[1.0, 2.0, 3.0, 4.0]])
DATA = [4.0, 7.0, 10.0, 13.0]


class Client:
    """A socket that sends exactly what it is told and reads whole answers."""

    def __init__(self, url: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, *parts: bytes, pause: float = 0.0) -> None:
        for part in parts:
            self.socket.sendall(part)
            time.sleep(pause)

    def answer(self, *, without_body: bool = False) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline().decode().strip()) != "":
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = b"" if without_body else self.file.read(int(headers.get("content-length", 0)))
        return status, headers, body

    def ended(self) -> bool:
        return self.file.read(1) == b""


@pytest.fixture
def http(endpoint: LocalEndpoint) -> Iterator[Client]:
    client = Client(endpoint.url)
    yield client
    client.file.close()
    client.socket.close()


def request(body: bytes = BODY, *headers: str, target: str = "onnx.tar.gz", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [
        "POST /endpoints/local/invocations HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"X-Amzn-SageMaker-Target-Model: {target}",
        *headers,
    ]
    if "Transfer-Encoding: chunked" not in headers:
        lines.append(f"Content-Length: {size}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def data(answer: tuple[int, dict[str, str], bytes]) -> Any:
    status, _, body = answer
    assert status == 200, body
    return json.loads(body)["outputs"][0]["data"]


def test_the_connection_is_kept(http: Client) -> None:
    for _ in range(3):
        http.send(request())
        assert data(http.answer()) == DATA


def test_a_request_in_single_bytes(http: Client) -> None:
    http.send(*[bytes([byte]) for byte in request()])
    assert data(http.answer()) == DATA


def test_body_after_head(http: Client) -> None:
    head, separator, body = request().partition(b"\r\n\r\n")
    http.send(head + separator, body[:10], body[10:], pause=0.05)
    assert data(http.answer()) == DATA


def test_pipelined_requests_are_answered_in_order(http: Client) -> None:
    bodies = [json_body([[float(number)] * 4]) for number in range(40)]
    http.send(b"".join(request(body) for body in bodies))
    for number in range(40):
        assert data(http.answer()) == [3.0 * number + 1] * 4


def test_pipelined_errors_do_not_disturb_the_order(http: Client) -> None:
    good, bad = request(), request(target="no.tar.gz")
    http.send((good + bad) * 300)
    for _ in range(300):
        assert data(http.answer()) == DATA
        assert http.answer()[0] == 400


def test_a_chunked_body(http: Client) -> None:
    http.send(request(b"", "Transfer-Encoding: chunked"))
    for start in range(0, len(BODY), 7):
        part = BODY[start : start + 7]
        http.send(b"%x\r\n%b\r\n" % (len(part), part))
    http.send(b"0\r\n\r\n")
    assert data(http.answer()) == DATA
    http.send(request())
    assert data(http.answer()) == DATA


def test_what_follows_a_chunked_body_is_no_header_of_the_next_request(http: Client) -> None:
    trailer = b"X-Amzn-SageMaker-Target-Model: onnx.tar.gz\r\n"
    http.send(request(b"", "Transfer-Encoding: chunked"))
    http.send(b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY) + trailer + b"\r\n")
    assert data(http.answer()) == DATA
    http.send(b"POST /endpoints/local/invocations HTTP/1.1\r\nHost: localhost\r\n\r\n")
    status, _, body = http.answer()
    assert status == 400
    assert b"TargetModel must say" in body


def test_expect_continue(http: Client) -> None:
    http.send(request(b"", "Expect: 100-continue", length=len(BODY)))
    assert http.answer()[0] == 100
    http.send(BODY)
    assert data(http.answer()) == DATA


def test_connection_close(http: Client) -> None:
    http.send(request(BODY, "Connection: close"))
    status, headers, _ = http.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert http.ended()


@pytest.mark.parametrize("ask", [b"GET /ping", b"GET /endpoints/local", b"GET /nothing"])
def test_connection_close_without_a_body(http: Client, ask: bytes) -> None:
    http.send(ask + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert http.answer()[1]["connection"] == "close"
    assert http.ended()


def test_http_1_0_keeps_the_connection_only_when_asked(http: Client) -> None:
    http.send(b"GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    status, headers, _ = http.answer()
    assert (status, headers["connection"]) == (200, "keep-alive")
    old = request(BODY, "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
    http.send(old.replace(b"\r\n", b"\r\nConnection: keep-alive\r\n", 1))
    status, headers, _ = http.answer()
    assert (status, headers["connection"]) == (200, "keep-alive")
    http.send(old)
    status, headers, _ = http.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert http.ended()


@pytest.mark.parametrize(
    "url",
    [
        b"/endpoints/local/invocations?x=1",
        b"/endpoints/%6Cocal/invo%63ations",
        b"http://127.0.0.1:8080/endpoints/local/invocations",
        b"HTTP://x/endpoints/local/invocations?",
    ],
)
def test_other_ways_to_write_the_url(http: Client, url: bytes) -> None:
    http.send(request().replace(b"/endpoints/local/invocations", url, 1))
    assert data(http.answer()) == DATA


def test_of_two_origins_neither_counts(http: Client) -> None:
    http.send(request(BODY, "Origin: http://evil.example", "Origin: http://localhost"))
    assert http.answer()[0] == 403


def test_every_answer_has_a_date(http: Client) -> None:
    for ask in (
        request(),
        request(target="no.tar.gz"),
        b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"junk\r\n\r\n",
    ):
        asked = datetime.now(UTC)
        http.send(ask)
        said = parsedate_to_datetime(http.answer()[1]["date"])
        assert asked - timedelta(seconds=2) < said <= datetime.now(UTC), "made once a second, of whole ones"


@pytest.mark.parametrize("codings", [["gzip, chunked"], ["gzip", "chunked"]])
def test_a_coding_that_is_not_understood(http: Client, codings: list[str]) -> None:
    lines = b"".join(b"Transfer-Encoding: %b\r\n" % coding.encode() for coding in codings)
    http.send(
        b"POST /endpoints/local/invocations HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n1\r\na\r\n0\r\n\r\n"
    )
    status, _, body = http.answer()
    assert (status, json.loads(body)["Message"].partition(" is")[0]) == (501, "Transfer-Encoding gzip, chunked")
    assert http.ended()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("X-Amzn-SageMaker-Target-Variant: Canary", "Variant Canary not found; it has AllTraffic only"),
        ("X-Amzn-SageMaker-Target-Container-Hostname: second", "TargetContainerHostname second not found"),
        ("X-Amzn-SageMaker-Inference-Component: part", "InferenceComponent part not found"),
    ],
)
def test_parts_that_the_endpoint_does_not_have(http: Client, header: str, message: str) -> None:
    http.send(request(BODY, header))
    status, headers, body = http.answer()
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationError")
    assert message in json.loads(body)["Message"]
    http.send(request(BODY, "X-Amzn-SageMaker-Target-Variant: AllTraffic"))
    assert data(http.answer()) == DATA


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (b"local/invocations-response-stream", "InvokeEndpointWithResponseStream has no TargetModel"),
        (b"local/async-invocations", "takes no InvokeEndpointAsync"),
        (b"other/invocations-response-stream", "Endpoint other of account local not found"),
        (b"other/invocations", "Endpoint other of account local not found"),
    ],
)
def test_operations_that_a_multi_model_endpoint_has_not(http: Client, path: bytes, message: str) -> None:
    http.send(request().replace(b"local/invocations", path, 1))
    status, headers, body = http.answer()
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationError")
    assert message in json.loads(body)["Message"]


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /ping HTTP/9.9\r\n\r\n",
        b"GET /ping HTTP/1.1\r\n\r\n",  # for whom?
        b"GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_malformed_http_is_refused_and_the_connection_ended(http: Client, junk: bytes) -> None:
    http.send(junk)
    status, headers, body = http.answer()
    assert status == 400
    assert headers["x-amzn-errortype"] == "ValidationError"
    assert json.loads(body)["Message"]
    assert http.ended()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
    ],
)
def test_no_other_protocol_is_spoken(http: Client, head: bytes, status: int) -> None:
    http.send(head + b"\x81\x05hello")
    assert http.answer()[0] == status
    assert http.ended()


def test_what_came_before_the_junk_is_answered_first(http: Client) -> None:
    http.send(request() + b"\x00\x01\x02\r\n\r\n")
    assert data(http.answer()) == DATA
    assert http.answer()[0] == 400
    assert http.ended()


def test_a_megabyte_of_headers_is_refused(http: Client) -> None:
    http.send(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n")
    for number in range(1000):
        http.send(b"X-%d: %b\r\n" % (number, b"a" * 1024))
    assert http.answer()[0] == 431
    assert http.ended()


def test_a_body_over_the_limit_is_refused_before_it_is_sent(http: Client) -> None:
    http.send(request(b"", "Expect: 100-continue", length=26214401))
    status, headers, body = http.answer()
    assert status == 413
    assert "x-amzn-errortype" not in headers
    assert json.loads(body) == {"Message": "HTTP content length exceeded 26214400 bytes."}


def test_a_chunked_body_over_the_limit(http: Client) -> None:
    http.send(request(b"", "Transfer-Encoding: chunked"))
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    for _ in range(26):
        http.send(chunk)
    assert http.answer()[0] == 413


def test_an_error_does_not_cut_off_a_body_that_is_still_on_its_way(http: Client) -> None:
    """The answer is known from the head; the connection stays usable once the body is read."""
    http.send(request(BODY[:5], target="no.tar.gz", length=len(BODY)), pause=0.1)
    http.send(BODY[5:], request())
    assert http.answer()[0] == 400
    assert data(http.answer()) == DATA


def test_a_slow_reader_does_not_spoil_the_connection_for_others(endpoint: LocalEndpoint, tmp_path: Path) -> None:
    """Its answer fills every buffer on the way, so reading from Triton pauses; the next one must not wait."""
    config = """
    backend: "onnxruntime" max_batch_size: 0
    input { name: "x" data_type: TYPE_FP32 dims: [-1, 4] } output { name: "y" data_type: TYPE_FP32 dims: [-1, 4] }
    """
    endpoint.add_targets(onnx_archive(tmp_path / "wide.tar.gz", 1, config=config), ["slow-reader.tar.gz"])
    content, content_type = binary_body(np.ones((1_500_000, 4), np.float32))
    big = request(content, target="slow-reader.tar.gz").replace(b"application/json", content_type.encode())
    for _ in range(3):
        slow, fast = Client(endpoint.url), Client(endpoint.url)
        slow.send(big, pause=0.5)
        status, headers, body = slow.answer()
        assert (status, len(body)) == (200, int(headers["content-length"]))
        for client in (slow, fast, slow):
            client.send(request())
            assert data(client.answer()) == DATA
        for client in (slow, fast):
            client.file.close()
            client.socket.close()


def test_a_client_that_leaves_in_the_middle_of_a_body(endpoint: LocalEndpoint, http: Client) -> None:
    leaver = Client(endpoint.url)
    leaver.send(request(BODY[:5], length=len(BODY)), pause=0.1)
    leaver.file.close()
    leaver.socket.close()
    http.send(request())
    assert data(http.answer()) == DATA


def test_ping_and_what_else_there_is(http: Client) -> None:
    http.send(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert http.answer()[0] == 200
    http.send(b"HEAD /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert http.answer(without_body=True)[0] == 200
    http.send(b"GET /endpoints/local HTTP/1.1\r\nHost: localhost\r\n\r\n")
    status, _, body = http.answer()
    assert (status, json.loads(body)["EndpointName"]) == (200, "local")
    for line in (
        b"GET /nothing",
        b"DELETE /ping",
        b"GET /endpoints/local/invocations",
        b"POST /v2/repository/index",
    ):
        http.send(line + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        status, headers, _ = http.answer()
        assert (status, headers["x-amzn-errortype"]) == (404, "UnknownOperationException")


@pytest.mark.parametrize(
    "target", ["n.tar.gz", 'a "quoted" name of more than thirty-two bytes.tar.gz', "täm/v1.tar.gz"]
)
def test_the_name_in_an_answer_is_the_target_s(
    endpoint: LocalEndpoint, archives: dict[str, Path], http: Client, target: str
) -> None:
    endpoint.add_targets(archives["onnx"], [target])
    content, content_type = binary_body(np.ones((2, 4), np.float32))
    binary = request(content, target=target).replace(b"application/json", content_type.encode())
    for _ in range(2):  # cold, then warm
        http.send(request(target=target))
        answer = http.answer()
        assert json.loads(answer[2])["model_name"] == target
        assert data(answer) == DATA
        http.send(binary)
        _, headers, body = http.answer()
        size = int(headers["content-type"].rpartition("=")[2])
        assert json.loads(body[:size])["model_name"] == target
        assert np.frombuffer(body[size:], np.float32).tolist() == [4.0] * 8


@pytest.mark.parametrize("target", ["a\x00b", "a\x01b", "\udcff", "", " ", "ünïcode.tar.gz"])
def test_strange_target_names(http: Client, target: str) -> None:
    http.send(request().replace(b"onnx.tar.gz", target.encode("utf-8", "surrogateescape")))
    status, headers, _ = http.answer()
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationError")


@pytest.mark.parametrize("ask", [b"GET /endpoints/local/loads HTTP/1.1\r\nHost: localhost\r\n\r\n", request()])
def test_a_burst_that_nobody_reads_is_answered_later_and_in_order(endpoint: LocalEndpoint, ask: bytes) -> None:
    """More than fits into the sockets' buffers; others are answered meanwhile."""
    count = 5000
    burst, other = Client(endpoint.url), Client(endpoint.url)
    sender = threading.Thread(target=burst.socket.sendall, args=(ask * count,))
    sender.start()
    for _ in range(20):
        other.send(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert other.answer()[0] == 200
    assert [burst.answer()[0] for _ in range(count)] == [200] * count
    sender.join()
