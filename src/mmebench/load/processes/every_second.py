"""What is done once a second for as long as a process of a load lives."""

from collections.abc import Callable

import gevent
from locust.runners import Runner

from mmebench.load.processes.breaker import FAILED


def every_second(runner: Runner, do: Callable[[], None]) -> None:
    """Until the process ends; when it fails, so does the load."""

    def loop() -> None:
        while True:
            gevent.sleep(1)
            do()

    def quit_load(_: object) -> None:
        runner.environment.process_exit_code = FAILED
        runner.quit()

    gevent.spawn(loop).link_exception(quit_load)
