"""Heads of messages without a body, of which llhttp forgets everything at once."""

import httptools
import pytest

from mmebench.wire.http_head import RequestHead, RequestHeadParser, parse_answer_head


def parsed(data: bytes) -> RequestHead:
    parser = RequestHeadParser()
    parser.feed(data)
    return parser.head()


@pytest.mark.parametrize(
    ("head", "keep_alive", "confirm"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", False, False),
        (b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n", False, False),
        (b"GET / HTTP/1.0\r\n\r\n", False, False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True, True),
    ],
)
def test_whether_a_request_keeps_its_connection(head: bytes, keep_alive: bool, confirm: bool) -> None:
    found = parsed(head)
    assert (found.keep_alive, found.confirm) == (keep_alive, confirm)


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
    ],
)
def test_whether_an_answer_keeps_its_connection(head: bytes, keep_alive: bool) -> None:
    assert parse_answer_head(head).keep_alive is keep_alive


@pytest.mark.parametrize(
    ("url", "target", "path"),
    [
        (b"/a/b", b"/a/b", b"/a/b"),
        (b"/a%2Fb?c=%20", b"/a%2Fb?c=%20", b"/a/b"),
        (b"http://host:1/a?b", b"/a?b", b"/a"),
        (b"https://host", b"/", b"/"),
        (b"*", b"*", b"*"),
    ],
)
def test_what_a_url_asks_for(url: bytes, target: bytes, path: bytes) -> None:
    found = parsed(b"OPTIONS %b HTTP/1.1\r\nHost: a\r\n\r\n" % url)
    assert (found.target, found.path) == (target, path)


@pytest.mark.parametrize("lines", [b"", b"Host: a\r\nHost: a\r\n"])
def test_one_host(lines: bytes) -> None:
    with pytest.raises(httptools.HttpParserError, match="Host header"):
        parsed(b"GET / HTTP/1.1\r\n%b\r\n" % lines)
