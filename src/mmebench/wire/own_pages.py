"""Whether a request comes from a page of our own, and not from a browser that somebody else's page sends.

A browser lets any page send requests to addresses of its own host, and a page whose name is made to point there
(DNS rebinding) read the answers too. Both are seen by what the browser says of a request.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from mmebench.wire.addresses import is_loopback


def why_not(headers: Mapping[str, str], asked: str) -> str | None:
    """Why a request is refused; None where it is not.

    Args:
        headers: of the request, by their names as ``Sec-Fetch-Site``.
        asked: the name or address that the pages were asked to listen on.
    """
    host = headers.get("Host", "")
    name = urlsplit(f"//{host}").hostname or ""
    if name != asked.lower() and not is_loopback(name):
        return f"got Host {host!r}; allowed: localhost, 127.0.0.1 and the address that the web UI was given"
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return f"got a request from a page of {origin!r}; allowed: the web UI's own pages"
    if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return f"got a request from a page of somebody else's; to see the web UI, type its address: http://{host}"
    return None
