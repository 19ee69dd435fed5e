"""What is done once a second for as long as a process of a load lives."""

from collections.abc import Callable

import gevent
from locust.runners import Runner

from mmebench.load.processes.breaker import FAILED, reason_of
from mmebench.load.processes.events import EventWriter


def every_second(runner: Runner, do: Callable[[], None], events: EventWriter | None = None) -> None:
    """Until the process ends; when it fails, so does the load, and whoever wanted it is told why.

    Args:
        runner: of this process.
        do: what is done.
        events: where that is told; None in a process that nobody listens to.
    """

    def loop() -> None:
        while True:
            gevent.sleep(1)
            do()

    def quit_load(failed: gevent.Greenlet) -> None:
        runner.environment.process_exit_code = FAILED
        try:
            if events is not None and isinstance(failed.exception, Exception):
                events.broken(reason_of(failed.exception))
        finally:
            runner.quit()

    gevent.spawn(loop).link_exception(quit_load)
