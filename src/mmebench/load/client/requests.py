"""The requests of a load, signed and ready to be sent.

What can be asked for is finite: each target with each body of the pool. A request is known by its key, the
target's number times the size of the pool plus the body's number. Its signature is used again within the second.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from mmebench.load.payload.payload import Body
from mmebench.wire.addressing import Address
from mmebench.wire.signing import Credentials, Signer

_JOINED_BODY_BYTES = 16384
"""A body up to this size is sent together with the head from one buffer."""


class SignedRequests(dict[int, tuple[bytes, memoryview | None]]):
    """By key: a head, which holds a small body too, and a large body or None."""

    def __init__(
        self,
        url: str,
        region: str,
        headers: Mapping[str, str],
        addresses: Sequence[Address],
        bodies: Sequence[Body],
        credentials: Callable[[], Credentials],
    ) -> None:
        """Of the targets at these addresses; ``credentials`` is asked once a second, and refreshes them."""
        super().__init__()
        self._host = urlsplit(url).netloc.rpartition("@")[2]
        self._region = region
        self._headers = dict(headers)
        self._addresses = addresses
        self._bodies = bodies
        self._digests = [hashlib.sha256(body.content).hexdigest() for body in bodies]
        self._credentials = credentials
        self._signed_by: Credentials | None = None
        self.renew()

    def renew(self) -> None:
        """Sign anew from now on, by credentials that are valid now; called once a second."""
        current = self._credentials()
        if current != self._signed_by:
            self._signed_by = current
            self._signer = Signer(current, self._region, self._host)
        self.clear()

    def __missing__(self, key: int) -> tuple[bytes, memoryview | None]:
        target, number = divmod(key, len(self._bodies))
        body = self._bodies[number]
        path, naming = self._addresses[target]
        named = {"Content-Type": body.content_type, **naming, **self._headers}
        signed = self._signer.sign(path, named, self._digests[number], datetime.now(UTC))
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: {self._host}",
            f"Content-Length: {len(body.content)}",
            *(f"{name}: {value}" for name, value in signed.items()),
        ]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        small = len(body.content) <= _JOINED_BODY_BYTES
        request = (head + body.content, None) if small else (head, memoryview(body.content))
        self[key] = request
        return request
