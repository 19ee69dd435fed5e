import pytest

from mmebench.load.client.answer import CHUNKED, UNTIL_CLOSE, Head, ProtocolError, parse_head


def test_a_head_with_a_length() -> None:
    head = parse_head(b"HTTP/1.1 424 Failed\r\nContent-Length: 12\r\nX-Amzn-ErrorType: ModelError")
    assert head == Head(status=424, body_bytes=12, closes=False, error="ModelError", cold=-1)


@pytest.mark.parametrize(
    "lines",
    [
        b"HTTP/1.1 424 Failed\r\nx-amzn-RequestId: %b\r\nContent-Length: 12\r\nX-Amzn-ErrorType: ModelError",
        b"HTTP/1.1 424 Failed\r\nContent-Length: 12\r\nX-Amzn-ErrorType: ModelError\r\nx-amzn-RequestId: %b",
    ],
)
def test_a_head_is_the_same_whatever_its_request_id(lines: bytes) -> None:
    heads = [parse_head(lines % name) for name in (b"0f2b0c5e", b"another-and-longer-one")]
    assert heads[0] is heads[1], "parsed once"
    assert heads[0] == Head(status=424, body_bytes=12, closes=False, error="ModelError", cold=-1)


@pytest.mark.parametrize(
    ("line", "error", "cold"),
    [
        ("200 OK\r\nX-Mmebench-Residency: cold", None, 1),
        ("200 OK\r\nx-mmebench-residency:warm\r\nDate: today", None, 0),
        ("200 OK\r\nx-amzn-ErrorType: none", None, -1),
        ("404 Not Found", "HTTP 404", -1),
        ("429 Too Many\r\nx-amzn-ErrorType: ModelNotReady:http://a.b/", "ModelNotReady", -1),
        ("500 Oops\r\nx-amzn-ErrorType: =cmd|' /C calc'!A0", "?cmd????C?calc??A0", -1),
        ("500 Oops\r\nx-amzn-ErrorType: -2+3", "?2?3", -1),
        ("500 Oops\r\nx-amzn-ErrorType: <script>[red]", "?script??red?", -1),
        ("500 Oops\r\nx-amzn-ErrorType: " + "E" * 1000, "E" * 100, -1),
        ("500 Oops\r\nnot-x-amzn-ErrorType: Other", "HTTP 500", -1),
    ],
)
def test_what_an_answer_says_beyond_its_status(line: str, error: str | None, cold: int) -> None:
    head = parse_head(f"HTTP/1.1 {line}\r\nContent-Length: 0".encode())
    assert (head.error, head.cold) == (error, cold)


@pytest.mark.parametrize(
    ("lines", "body_bytes", "closes"),
    [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked", CHUNKED, False),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding:  \t chunked", CHUNKED, False),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", CHUNKED, False),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", UNTIL_CLOSE, True),
        ("HTTP/1.1 424 Failed\r\nconnection: close\r\ncontent-length: 0", 0, True),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length: 3", 3, False),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9", 0, False),
        ("HTTP/1.1 200 OK", UNTIL_CLOSE, True),
        ("HTTP/1.0 200 OK\r\ncontent-length:3", 3, True),
        ("HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 3", 3, True),
        ("HTTP/1.1 204 No Content", 0, False),
        ("HTTP/1.1 100 Continue", 0, False),
    ],
)
def test_where_a_body_ends(lines: str, body_bytes: int, closes: bool) -> None:
    head = parse_head(lines.encode())
    assert (head.body_bytes, head.closes) == (body_bytes, closes)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "HTTP/2 200",
        "GET / HTTP/1.1",
        "HTTP/1.1 20x",
        "HTTP/1.1 101 Other\r\nUpgrade: h2c\r\nConnection: upgrade",
        *(f"HTTP/1.1 200 OK\r\ncontent-length: {length}" for length in ("x", "-1", "-2", "-5", "+10", "1_0", "")),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked",
    ],
)
def test_what_is_no_head(raw: str) -> None:
    with pytest.raises(ProtocolError):
        parse_head(raw.encode())
