"""The name in an answer: the target's, where the container wrote its own for it."""

_WITHIN = 4096
"""Bytes at the start of an answer in which the name is looked for; only an id of the request is before it."""
_ONE_PIECE = 64 * 1024
"""Up to here it is cheaper to copy the rest than to send one more buffer."""

Piece = bytes | memoryview


def may_come(chunks: list[bytes]) -> bool:
    """Whether the name may still be on its way."""
    return sum(map(len, chunks)) < _WITHIN


def renamed(chunks: list[bytes], known: bytes, given: bytes) -> list[Piece] | None:
    """An answer's first ``chunks`` with ``given`` in the place of ``known``; None where that is not in them."""
    if len(chunks) > 1 and len(chunks[0]) < _WITHIN:
        chunks = [b"".join(chunks)]
    first = chunks[0] if chunks else b""
    at = first.find(known, 0, _WITHIN)
    if at < 0:
        return None
    end = at + len(known)
    if len(first) < _ONE_PIECE:
        return [first[:at] + given + first[end:], *chunks[1:]]
    return [first[:at] + given, memoryview(first)[end:], *chunks[1:]]
