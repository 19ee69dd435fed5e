"""Answers in the shape of the SageMaker Runtime API, so that boto3 raises what it would raise on AWS.

Shapes and status codes: the service model of ``sagemaker-runtime`` in botocore, operation InvokeEndpoint.
"""

import itertools
import json
import secrets
import time
from email.utils import formatdate
from typing import Any

VARIANT = b"AllTraffic"
_REASONS = {
    200: b"OK", 400: b"Bad Request", 403: b"Forbidden", 404: b"Not Found", 408: b"Request Timeout",
    413: b"Content Too Large", 424: b"Failed Dependency", 429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error", 501: b"Not Implemented", 503: b"Service Unavailable",
}  # fmt: skip

_second, _date = 0, b""

_ids = itertools.count(1)
_ID_PREFIX = "-".join(secrets.token_hex(size) for size in (4, 2, 2, 2)).encode()


def request_id() -> bytes:
    """An id in the form of a UUID, unique in this process and, to all practical purposes, elsewhere."""
    return b"%b-%012x" % (_ID_PREFIX, next(_ids))


def date() -> bytes:
    """The Date header of now, made once a second."""
    global _second, _date
    now = int(time.time())
    if now != _second:
        _second, _date = now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
    return _date


def success(rest: bytes) -> bytes:
    """The head of an answer; ``rest`` is what :func:`success_rest` made of it, which may be used again."""
    return b"HTTP/1.1 200 OK\r\n%bx-amzn-RequestId: %b-%012x\r\n%b" % (date(), _ID_PREFIX, next(_ids), rest)


def success_rest(headers: bytes, length: int, waited: float | None, connection: bytes) -> bytes:
    """The head of an answer whose body of ``length`` bytes follows, but for the id of its request.

    Args:
        headers: the container's, each ended by CRLF.
        length: of the body, in bytes.
        waited: seconds that the request waited for its target to be loaded; None when it was in memory.
        connection: the header that says whether the connection stays, or nothing.
    """
    return b"x-Amzn-Invoked-Production-Variant: %b\r\n%b%bContent-Length: %d\r\n%b\r\n" % (
        VARIANT,
        b"X-Mmebench-Residency: warm\r\n"
        if waited is None
        else b"X-Mmebench-Residency: cold\r\nX-Mmebench-Load-Ms: %.3f\r\n" % (1000 * waited),
        headers,
        length,
        connection,
    )


def document(status: int, body: dict[str, Any], connection: bytes, *, error_type: str = "") -> bytes:
    """A whole answer with a JSON body."""
    headers = f"x-amzn-ErrorType: {error_type}\r\n" if error_type else ""
    return _whole(status, headers + "Content-Type: application/json\r\n", json.dumps(body).encode(), connection)


def text(content: bytes, content_type: str, connection: bytes) -> bytes:
    """A whole answer with a body of text."""
    return _whole(200, f"Content-Type: {content_type}\r\n", content, connection)


def _whole(status: int, headers: str, content: bytes, connection: bytes) -> bytes:
    return b"HTTP/1.1 %d %b\r\n%bx-amzn-RequestId: %b\r\n%bContent-Length: %d\r\n%b\r\n%b" % (
        status,
        _REASONS[status],
        date(),
        request_id(),
        headers.encode(),
        len(content),
        connection,
        content,
    )


class RefusedError(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, status: int, error_type: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.details = details

    def answer(self, connection: bytes) -> bytes:
        """The answer as bytes."""
        body = {"Message": str(self), **self.details}
        return document(self.status, body, connection, error_type=self.error_type)


def validation_error(message: str) -> RefusedError:
    """The request itself is wrong."""
    return RefusedError(400, "ValidationError", message)


def model_error(status: int, message: str, endpoint: str) -> RefusedError:
    """The container answered with an error; the wording is that of SageMaker."""
    side = "client" if 400 <= status < 500 else "server"
    return RefusedError(
        424,
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{message}". See the log of mmebench serve.',
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn=f"arn:aws:logs:local:000000000000:log-group:/aws/sagemaker/Endpoints/{endpoint}",
    )


def model_not_ready(target: str) -> RefusedError:
    """The load takes longer than a request may; it goes on."""
    return RefusedError(429, "ModelNotReadyException", f"{target} is still being loaded; ask again")


def service_unavailable(message: str) -> RefusedError:
    """The container is down."""
    return RefusedError(503, "ServiceUnavailable", message)


def internal_failure(message: str) -> RefusedError:
    """Something broke on our side."""
    return RefusedError(500, "InternalFailure", message)
