"""The name in an answer that comes in pieces."""

import pytest

from mmebench.server.front.naming import may_come, renamed

KNOWN, GIVEN = b'"model_name":"0123456789"', b'"model_name":"mine.tar.gz"'
BODY = b'{"id":"1",%b,"outputs":[]}'


@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
def test_whatever_the_pieces(size: int) -> None:
    body = BODY % KNOWN
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    found = renamed(pieces, KNOWN, GIVEN)
    assert found is not None
    assert b"".join(found) == BODY % GIVEN


def test_a_large_piece_is_not_copied() -> None:
    found = renamed([BODY % KNOWN + bytes(100_000), b"more"], KNOWN, GIVEN)
    assert found is not None
    assert b"".join(found) == BODY % GIVEN + bytes(100_000) + b"more"
    assert [type(piece) for piece in found] == [bytes, memoryview, bytes]


def test_no_name() -> None:
    assert renamed([], KNOWN, GIVEN) is None
    assert renamed([b"{}"], KNOWN, GIVEN) is None
    assert may_come([b"{}"])
    late = [b"x" * 5000 + KNOWN]
    assert renamed(late, KNOWN, GIVEN) is None
    assert not may_come(late)
