"""Locust, started sooner: ``python -m mmebench.load.processes.start`` takes what ``python -m locust`` takes."""

import gc
import sys
from importlib import import_module, metadata
from types import ModuleType


def main() -> None:
    """Import Locust, and be it."""
    usual = gc.get_threshold()
    # Much is imported and hardly any of it goes again, as when a command starts.
    gc.set_threshold(50_000)
    # gevent tells each of 25 steps of what it replaces to whoever declared an entry point for it, and would read
    # what all installed packages declare as many times: hundreds of files, a tenth of the start.
    entry_points = metadata.entry_points
    metadata.entry_points = entry_points().select  # the same, of what was read once
    # Flask is a sixth of the start, and few of these processes have pages: visitors.py imports it for those.
    pages = ModuleType("locust.web")
    pages.WebUI = None  # type: ignore[attr-defined]  # all that Locust imports of it
    sys.modules["locust.web"] = pages
    try:
        import locust.main  # first: it has gevent replace what the others import

        del sys.modules["locust.web"]
        for rest in ("link", "worker"):  # of what the locustfile imports
            import_module(f"mmebench.load.processes.{rest}")
    finally:
        metadata.entry_points = entry_points
        gc.set_threshold(*usual)  # a load is not to wait for few long looks instead of many short ones
    locust.main.main()


if __name__ == "__main__":
    main()
