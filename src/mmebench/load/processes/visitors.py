"""The visitors of the web UI: pages of its own, and nobody whom a page of somebody else's sends.

A browser lets any page send requests to addresses of its own host, and a page whose name is made to point there
(DNS rebinding) read the answers too. Both are seen by what the browser says of a request.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, request
from locust import web
from locust.web import WebUI

from mmebench.wire.addresses import is_loopback


def share_nothing() -> None:
    """Have the UIs that Locust makes from now on allow no page of another origin to read their answers."""
    web.CORS = _no_cors  # type: ignore[attr-defined, assignment]  # there is no option for it


def _no_cors(app: Flask) -> None:
    """In place of what Locust gives its application to."""


def admit_own_pages(web_ui: WebUI) -> None:
    """Answer 403 to all that does not come from the UI's own pages, or from nobody's."""
    app = web_ui.app
    assert app is not None, "made together with its UI"

    @app.before_request
    def _refuse() -> Response | None:
        reason = why_not(dict(request.headers), web_ui.host)
        return None if reason is None else Response(f"{reason}\n", 403, mimetype="text/plain")


def why_not(headers: dict[str, str], asked: str) -> str | None:
    """Why a request is refused; None where it is not.

    Args:
        headers: of the request, by their names as ``Sec-Fetch-Site``.
        asked: the name or address that the UI was asked to listen on.
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
