"""Chunked bodies, cut in any way."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmebench.wire.chunked import ChunkedBody, ChunkError


def encode(parts: list[bytes], trailer: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailer + b"\r\n"


@given(
    parts=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    rest=st.binary(max_size=20),
    cuts=st.lists(st.integers(1, 30), max_size=60),
)
def test_whatever_the_cuts_the_body_is_the_same(parts: list[bytes], rest: bytes, cuts: list[int]) -> None:
    data = encode(parts, b"X-Sum: 1\r\n") + rest
    body, found, read = ChunkedBody(), b"", 0
    while not body.complete:
        piece = data[read : read + (cuts.pop() if cuts else 1)]
        read += len(piece)
        found += body.feed(piece)
    assert found == b"".join(parts)
    assert body.rest + data[read:] == rest


def test_extensions_are_ignored() -> None:
    body = ChunkedBody()
    assert body.feed(b"2;name=value\r\nhi\r\n0\r\n\r\n") == b"hi"
    assert body.complete


@pytest.mark.parametrize(
    "data",
    [
        b"zz\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x2\r\nhi\r\n",
        b"2\nhi\n",
        b"2\r\nhi!\r\n",
        b"1" * 16 + b"\r\n",
        b"1" * 5000,
    ],
)
def test_what_is_no_chunk(data: bytes) -> None:
    with pytest.raises(ChunkError):
        ChunkedBody().feed(data)


def test_a_trailer_without_end() -> None:
    body = ChunkedBody()
    body.feed(b"0\r\n" + (b"X: " + b"a" * 1000 + b"\r\n") * 60)
    with pytest.raises(ChunkError):
        body.feed((b"X: " + b"a" * 1000 + b"\r\n") * 10)


def test_the_time_it_takes_grows_with_the_bytes_and_not_faster() -> None:
    """Eight times as much takes eight times as long, and not 64: no chunk copies what is behind it."""
    assert seconds(400_000) / seconds(50_000) < 24


def seconds(chunks: int) -> float:
    """Of this process, for a body of so many chunks of one byte in one piece."""
    data, taken = encode([b"x"] * chunks), []
    for _ in range(3):
        started = time.process_time()
        assert len(ChunkedBody().feed(data)) == chunks
        taken.append(time.process_time() - started)
    return min(taken)
