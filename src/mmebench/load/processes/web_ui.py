"""Locust's web UI, with a tab of its own: what load and endpoint were like, second by second."""

import sys
from collections import deque
from typing import Any

import gevent
from flask import Response
from gevent.fileobject import FileObject
from locust.env import Environment
from locust.web import WebUI

from mmebench.load.processes.events import Live

_TAB = "endpoint"
_COLUMNS = {
    "at": "seconds since the load began",
    "stage": "stage",
    "users": "users",
    "successes": "successes per second",
    "failures": "failures per second",
    "p50": "p50, ms",
    "p99": "p99, ms",
    "resident": "targets in memory",
    "usd": "US dollars so far",
}
_ROWS = 120


def open_web_ui(environment: Environment, port: int) -> None:
    """Serve the UI on 127.0.0.1 until this process ends; its tab shows what comes on stdin, a JSON line a second.

    The rest is Locust's: its button stops the load, and what was measured until then is kept.
    """
    seconds: deque[dict[str, Any]] = deque(maxlen=_ROWS)
    _add_tab(environment.create_web_ui("127.0.0.1", port), seconds)
    gevent.spawn(_read, seconds)


def _add_tab(web_ui: WebUI, seconds: "deque[dict[str, Any]]") -> None:
    """See "Extending Web UI" in Locust's documentation: a tab, its table, and its rows among the statistics."""
    structure = [{"key": key, "title": title} for key, title in _COLUMNS.items()]
    web_ui.template_args |= {
        "extended_tabs": [{"title": "Endpoint", "key": _TAB}],
        "extended_tables": [{"key": _TAB, "structure": structure}],
    }
    app = web_ui.app
    assert app is not None, "made together with its UI"

    def add_rows(response: Response) -> Response:
        statistics = response.get_json(silent=True) if response.is_json else None
        if isinstance(statistics, dict) and "stats" in statistics:
            rows = {"key": _TAB, "data": list(reversed(seconds))}
            response.set_data(app.json.dumps(statistics | {"extended_stats": [rows]}))
        return response

    app.after_request(add_rows)


def _read(seconds: "deque[dict[str, Any]]") -> None:
    """Until whoever started the load has nothing more to tell."""
    for line in FileObject(sys.stdin.fileno(), "rb", close=False):
        seconds.append(_row(Live.model_validate_json(line)))


def _row(live: Live) -> dict[str, Any]:
    """As it is shown; what is not known is empty."""
    known: dict[str, Any] = {
        "at": round(live.at),
        "stage": live.stage + 1,
        "successes": live.successes_per_second,
        "failures": live.failures_per_second,
        "p50": None if live.p50 is None else round(live.p50, 1),
        "p99": None if live.p99 is None else round(live.p99, 1),
        "usd": None if live.usd is None else round(live.usd, 2),
    }
    shown = live.model_dump(include=set(_COLUMNS)) | known
    return {key: "" if value is None else value for key, value in shown.items()}
