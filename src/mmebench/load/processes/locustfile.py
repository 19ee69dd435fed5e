"""The Locust user and shape. Users, ramps, statistics, CSV files and the web UI are Locust's own.

Started as ``locust -f .../processes/locustfile.py``, by ``mmebench`` with the job file in ``MMEBENCH_JOB`` or by
hand with a job file, it has Locust's web UI. A worker without one asks the conductor what to do. Processes that
are started one by one need the same ``MMEBENCH_TOKEN``; see :mod:`mmebench.load.processes.token`. Once a second,
and at the end of each stage, it writes a JSON line to the file descriptor ``MMEBENCH_EVENTS``, where that is set;
see :mod:`mmebench.load.processes.events`.
"""

import gc
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import gevent
from gevent.event import AsyncResult, Event
from locust import LoadTestShape, User, events, task
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner
from typing_extensions import override

from mmebench.errors import BadInputError
from mmebench.load.job import LoadJob, RequestContent
from mmebench.load.messages import BeginStage, Drain, EndStage, Ready, Taken
from mmebench.load.processes.awaiting import STOPPED_SECONDS
from mmebench.load.processes.breaker import FAILED, reason_of
from mmebench.load.processes.clock import ConductorClock
from mmebench.load.processes.events import EventWriter
from mmebench.load.processes.every_second import every_second
from mmebench.load.processes.link import Link
from mmebench.load.processes.task import ask_for_task
from mmebench.load.processes.token import shared_token
from mmebench.load.processes.visitors import share_nothing
from mmebench.load.processes.worker import Worker

_log = logging.getLogger(__name__)

# Read and made before Locust forks its --processes, which then share it.
JOB_FILE = os.environ.get("MMEBENCH_JOB")
JOB = LoadJob.model_validate_json(Path(JOB_FILE).read_bytes()) if JOB_FILE else None
CONTENT = JOB.content() if JOB else None
EVENTS = int(os.environ.get("MMEBENCH_EVENTS", "-1"))
LINK = Link(shared_token())
LINK.use()
share_nothing()
# A worker of another host is there before its load is.
if CONDUCTOR := os.environ.get("MMEBENCH_CONDUCTOR"):
    host, _, port = CONDUCTOR.rpartition(":")
    LINK.await_conductor(host, int(port))


class InvokeUser(User):
    """A user as Locust counts them; callbacks do the asking, this greenlet only lives as long."""

    worker: ClassVar["AsyncResult[Worker]"] = AsyncResult()
    """There as soon as this process knows its job."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._stopping = Event()

    def on_start(self) -> None:
        """Join the load."""
        self._caller = self.worker.get().add_caller()

    @task
    def live(self) -> None:
        """Sleep until Locust wants the user to stop: users who looked up now and then would do so all at once."""
        self._stopping.wait()

    def stop(self, force: bool = False) -> bool:
        """Asked by Locust; see ``locust.User.stop``."""
        killed = bool(super().stop(force))
        self._stopping.set()
        return killed

    def on_stop(self) -> None:
        """Leave with the answer under way."""
        self.worker.get().remove_caller(self._caller)


class StageShape(LoadTestShape):
    """The stages, as the conductor goes through them."""

    next_step: ClassVar[Callable[[], tuple[int, float] | None]]

    @override
    def tick(self) -> tuple[int, float] | None:
        return type(self).next_step()


@events.init.add_listener
def _start(environment: Environment, **_: Any) -> None:
    """End this process where it cannot take its part; Locust would go on without."""
    try:
        _take_part(environment)
    except Exception as error:
        EventWriter(EVENTS).broken(reason_of(error))
        sys.exit(FAILED)


def _take_part(environment: Environment) -> None:
    """Make this process what Locust's options ask for: conductor, worker, or both."""
    runner = environment.runner
    assert runner is not None, "Locust creates the runner before it fires init"
    if JOB is not None and CONTENT is not None:
        job, content = JOB, CONTENT
    elif isinstance(runner, WorkerRunner):
        job, content = ask_for_task(runner)
    else:
        raise BadInputError("MMEBENCH_JOB is not set; it names the file of the job")
    if not isinstance(runner, MasterRunner):
        _start_worker(runner, job, content)
    if not isinstance(runner, WorkerRunner):
        from mmebench.load.processes.leading import lead  # what workers need not have, and do without

        StageShape.next_step = lead(environment, job, content, EVENTS)
    _stop_in_a_hurry(environment)
    # What is there now stays; a collection during the load would only cost latency.
    gc.collect()
    gc.freeze()


def _stop_in_a_hurry(environment: Environment) -> None:
    """Users have their time while the load goes on, and little of it when somebody ends the load.

    At its own end no answer is awaited any more. Workers are told the time anew whenever a load starts.
    """
    patience = environment.stop_timeout

    def take_time(**_: Any) -> None:
        environment.stop_timeout = patience

    def hurry(**_: Any) -> None:
        environment.stop_timeout = min(environment.stop_timeout, STOPPED_SECONDS)

    if not isinstance(environment.runner, WorkerRunner):
        events.test_start.add_listener(take_time)
    events.test_stopping.add_listener(hurry)


def _start_worker(runner: Runner, job: LoadJob, content: RequestContent) -> None:
    worker = Worker(job, content, runner)
    InvokeUser.worker.set(worker)
    runner.register_message(BeginStage.name, lambda msg, **_: worker.begin_stage(BeginStage.read(msg.data)))
    runner.register_message(EndStage.name, lambda msg, **_: worker.end_stage(EndStage.read(msg.data)))
    runner.register_message(Drain.name, lambda msg, **_: worker.drain(Drain.read(msg.data)), concurrent=True)
    runner.register_message(Taken.name, lambda msg, **_: worker.forget(Taken.read(msg.data)))
    events.test_stop.add_listener(lambda **_: worker.send())
    # Before Locust tells the conductor that this process is gone: Ctrl-C in a terminal reaches all processes.
    events.quitting.add_listener(lambda **_: worker.drain(Drain(STOPPED_SECONDS)))
    alone = not isinstance(runner, WorkerRunner)
    every_second(runner, worker.every_second, EventWriter(EVENTS) if alone else None)
    if isinstance(runner, WorkerRunner):
        if EVENTS >= 0:
            os.close(EVENTS)  # so that the pipe ends when the conductor does
        clock = ConductorClock(runner)

        def report_ready() -> None:
            worker.clock_ahead_ns = clock.ahead_ns()
            _log.info("the clock of the load is %+d ns from the clock of this host", worker.clock_ahead_ns)
            runner.send_message(Ready.name, Ready().data())
            LINK.when_connected(come_back)

        def come_back() -> None:
            worker.send_again()
            runner.send_message(Ready.name, Ready().data())

        gevent.spawn(report_ready)
