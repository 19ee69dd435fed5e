"""What container and client get before the bodies; made once for a head that comes again, as most do."""

from collections.abc import Sequence

from mmebench.server.containers.container import Container
from mmebench.server.front.naming import Piece
from mmebench.server.memory.resident import Resident
from mmebench.wire import answers
from mmebench.wire.http_head import AnswerHead
from mmebench.wire.http_server import Request


def forwarded_head(container: Container, request: Request, entry: Resident) -> bytes:
    """What the container gets; the same for the same head of the client and the same target in memory."""
    head = request.head
    if head.memo is not None and head.memo[0] is entry:
        known: bytes = head.memo[1]
        return known
    headers = container.request_headers(head.headers)
    made = b"%bHost: localhost\r\n%bContent-Length: %d\r\n\r\n" % (entry.request_line, headers, request.size)
    if head.length is not None:
        head.memo = entry, made
    return made


def answered_head(
    container: Container,
    request: Request,
    head: AnswerHead,
    chunks: Sequence[Piece],
    longer: int,
    waited: float | None,
) -> bytes:
    """What the client gets; the same for the same head of the container, when nothing is special.

    Args:
        container: whose answer it is.
        request: the client's.
        head: the container's.
        chunks: what there is of the body, which is all of it where the head does not say its length.
        longer: bytes by which the body is longer than the container's.
        waited: seconds that the request waited for its target to be loaded; None when it was in memory.
    """
    usual = waited is None and not request.connection and head.length is not None
    if usual and head.memo is not None and head.memo[0] == longer:
        known: bytes = head.memo[1]
        return answers.success(known)
    length = sum(map(len, chunks)) if head.length is None else head.length + longer
    headers = container.answer_headers(head.headers, longer)
    rest = answers.success_rest(headers, length, waited, request.connection)
    if usual:
        head.memo = longer, rest
    return answers.success(rest)
