"""``python -m mmebench.load.processes``: the ``locust`` command, which begins sooner than by itself.

gevent asks for entry points 28 times while Locust imports it, and each time a file of every installed package is
read: a third of the time until the command has begun.
"""

import importlib.metadata
from functools import cache

importlib.metadata.entry_points = cache(importlib.metadata.entry_points)  # type: ignore[assignment]

from locust.main import main  # noqa: E402  # it imports gevent

main()  # type: ignore[no-untyped-call]
