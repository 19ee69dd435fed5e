"""Requests that were under way when the container died, of which one may have been the reason."""

import hashlib
import logging

from mmebench.wire.http_server import Request

_log = logging.getLogger(__name__)
_DEATHS = 2
_KEPT = 1000

Key = tuple[str, int]
"""Target and bytes of the body: looked at first, as a digest takes its time."""


class Suspects:
    """Tells the request that ends the container from those that only were there: it never gets an answer.

    One that has been under way at two deaths, and at no time was answered, is not passed on any more.
    """

    def __init__(self) -> None:
        self._deaths: dict[Key, dict[str, int]] = {}
        """By the digest of the body: deaths that a request was under way at."""
        self.known = self._deaths.__contains__
        """Whether there is anything against requests of a :data:`Key`."""

    def was_under_way(self, target: str, request: Request) -> None:
        """The container died while it had this request."""
        digests = self._deaths.setdefault((target, request.size), {})
        digest = _digest(request)
        digests[digest] = digests.get(digest, 0) + 1
        if digests[digest] == _DEATHS:
            _log.error(
                "%s: a request of %d bytes was under way at %d deaths of the container; it is refused from "
                "now on. SHA-256 of its body: %s",
                *(target, request.size, _DEATHS, digest),
            )
        if len(self._deaths) > _KEPT:
            del self._deaths[next(iter(self._deaths))]

    def was_answered(self, target: str, request: Request) -> None:
        """It does not end the container."""
        digests = self._deaths[target, request.size]
        digests.pop(_digest(request), None)
        if not digests:
            del self._deaths[target, request.size]

    def is_convicted(self, target: str, request: Request) -> bool:
        """Whether it must not be passed on."""
        return self._deaths[target, request.size].get(_digest(request), 0) >= _DEATHS


def _digest(request: Request) -> str:
    digest = hashlib.sha256()
    for chunk in request.chunks:
        digest.update(chunk)
    return digest.hexdigest()
