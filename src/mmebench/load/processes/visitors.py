"""The visitors of Locust's web UI: pages of its own, and nobody whom a page of somebody else's sends."""

from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from locust import env

from mmebench.load.locust_pages import KEY_HEADER
from mmebench.wire.own_pages import why_not

if TYPE_CHECKING:
    from flask import Flask, Response
    from locust.web import WebUI


def share_nothing() -> None:
    """Have the UIs that Locust makes from now on allow no page of another origin to read their answers."""
    env.WebUI = _pages_of_our_own  # type: ignore[attr-defined, assignment]  # there is no option for it


def _pages_of_our_own(*arguments: Any, **options: Any) -> "WebUI":
    """In place of the class, and what imports it: a process without pages does without Flask."""
    from locust import web

    web.CORS = _no_cors  # type: ignore[attr-defined, assignment]  # nor for this
    return web.WebUI(*arguments, **options)


def _no_cors(app: "Flask") -> None:
    """In place of what Locust gives its application to."""


def admit_own_pages(web_ui: "WebUI", key: str | None) -> None:
    """Answer 403 to all that does not come from the UI's own pages, or from nobody's.

    With a key, to all that do not bring it, either: other users of this machine do not have it.
    """
    from flask import Response, request

    app = web_ui.app
    assert app is not None, "made together with its UI"

    @app.before_request
    def _refuse() -> "Response | None":
        reason = why_not(dict(request.headers), web_ui.host)
        if reason is None and key is not None and not _is(key, request.headers.get(KEY_HEADER, "")):
            reason = "these pages are below those of mmebench; open the address that it told you"
        return None if reason is None else Response(f"{reason}\n", 403, mimetype="text/plain")


def _is(key: str, given: str) -> bool:
    return compare_digest(given.encode(), key.encode())
