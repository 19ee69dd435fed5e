"""Who may ask: programs of this machine, and not the pages that its browsers show.

A page of another site can make a browser send a POST of plain text to 127.0.0.1, and with a name that it lets
point there ("DNS rebinding") it could read the answer as well. A browser says so by the headers Origin,
Sec-Fetch-Site and Host, which a page cannot forge; clients of AWS's API never send the first two.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping

from mmebench.wire.answers import RefusedError

_AUTHORITY = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::[0-9]*)?", re.ASCII)
_SCHEME = re.compile(rb"^https?://")
_KEPT = 256
"""Known good values of Host that are looked at no more."""
_OWN_SITE = (b"same-origin", b"none")


class Origins:
    """The hosts by whose names this endpoint may be asked."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        """Loopback addresses, and ``allowed`` host names beside them."""
        self._allowed = frozenset(name.lower() for name in allowed)
        self._hosts: set[bytes | None] = {None}
        """Values of Host that are all right; HTTP/1.0 may do without, and no browser speaks that."""

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise RefusedError where a page of another site asks, or asks by another name."""
        host = headers.get(b"host")
        if host not in self._hosts:
            self._check_host(host or b"")
        if b"origin" in headers and not self._is_ours(_SCHEME.sub(b"", headers[b"origin"])):
            raise _refused("Origin", headers[b"origin"])
        if headers.get(b"sec-fetch-site", b"none") not in _OWN_SITE and b"origin" not in headers:
            raise _refused("Sec-Fetch-Site", headers[b"sec-fetch-site"])

    def _check_host(self, host: bytes) -> None:
        if not self._is_ours(host):
            raise _refused("Host", host)
        if len(self._hosts) < _KEPT:
            self._hosts.add(host)

    def _is_ours(self, authority: bytes) -> bool:
        """Whether a host, perhaps with a port, is this machine's loopback address, or one of the allowed names."""
        match = _AUTHORITY.fullmatch(authority)
        if match is None:  # an opaque origin is "null", which is no host of ours
            return False
        name = match[1].decode().strip("[]").lower()
        if name == "localhost" or name.endswith(".localhost") or name in self._allowed:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _refused(header: str, value: bytes) -> RefusedError:
    shown = value[:200].decode("utf-8", "replace")
    return RefusedError(
        403,
        "AccessDeniedException",
        f"{header}: {shown!r} is not this machine, so that a page of another site may have sent this; "
        "ask 127.0.0.1, or start the endpoint with --allow-host NAME",
    )
