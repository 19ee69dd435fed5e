"""The Locust user and shape. Users, ramps, statistics, CSV files and the web UI are Locust's own.

Started as ``locust -f .../processes/locustfile.py``, by ``mmebench`` with the job file in ``MMEBENCH_JOB`` or by
hand with a job file, it has Locust's web UI. A worker without one asks the conductor what to do. Processes that
are started one by one need the same ``MMEBENCH_TOKEN``; see :mod:`mmebench.load.processes.token`. Once a second,
and at the end of each stage, it writes a JSON line to the file descriptor ``MMEBENCH_EVENTS``, where that is set;
see :mod:`mmebench.load.processes.events`.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import Any, ClassVar

import gevent
from gevent.event import AsyncResult, Event
from locust import LoadTestShape, User, events, task
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner
from locust.stats import CSV_STATS_INTERVAL_SEC
from typing_extensions import override

from mmebench.errors import BadInputError
from mmebench.load.job import LoadJob, RequestContent
from mmebench.load.messages import (
    AskTask,
    BeginStage,
    Clock,
    Drain,
    EndStage,
    Message,
    Ready,
    Samples,
    Taken,
    TaskPart,
)
from mmebench.load.processes.breaker import FAILED, Breaker, reason_of
from mmebench.load.processes.clock import ConductorClock
from mmebench.load.processes.conductor import STOPPED_SECONDS, Conductor
from mmebench.load.processes.events import EventWriter
from mmebench.load.processes.link import Link, hear_workers
from mmebench.load.processes.sample_stream import SampleStream
from mmebench.load.processes.task import TaskParts, ask_for_task
from mmebench.load.processes.token import shared_token
from mmebench.load.processes.visitors import admit_own_pages, share_nothing
from mmebench.load.processes.web_ui import open_web_ui
from mmebench.load.processes.worker import Worker

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

    conductor: ClassVar[Conductor]
    breaker: ClassVar[Breaker]

    @override
    def tick(self) -> tuple[int, float] | None:
        return self.breaker.guard(self.conductor.tick)()


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
        _start_conductor(runner, job, content)
        if job.web_port is not None:
            environment.host = job.url  # to be shown
            open_web_ui(environment, job.web_port)
        if environment.web_ui is not None:
            admit_own_pages(environment.web_ui)
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


def _every_second(runner: Runner, do: Callable[[], None]) -> None:
    """Until the process ends; when it fails, so does the load."""

    def loop() -> None:
        while True:
            gevent.sleep(1)
            do()

    def quit_load(_: Any) -> None:
        runner.environment.process_exit_code = FAILED
        runner.quit()

    gevent.spawn(loop).link_exception(quit_load)


def _start_worker(runner: Runner, job: LoadJob, content: RequestContent) -> None:
    worker = Worker(job, content, runner)
    InvokeUser.worker.set(worker)
    runner.register_message(BeginStage.name, lambda msg, **_: worker.begin_stage(BeginStage.read(msg.data)))
    runner.register_message(EndStage.name, lambda msg, **_: worker.end_stage(EndStage.read(msg.data)))
    runner.register_message(Drain.name, lambda **_: worker.drain(), concurrent=True)
    runner.register_message(Taken.name, lambda msg, **_: worker.forget(Taken.read(msg.data)))
    events.test_stop.add_listener(lambda **_: worker.send())
    # Before Locust tells the conductor that this process is gone: Ctrl-C in a terminal reaches all processes.
    events.quitting.add_listener(lambda **_: worker.leave(STOPPED_SECONDS))
    _every_second(runner, worker.every_second)
    if isinstance(runner, WorkerRunner):
        if EVENTS >= 0:
            os.close(EVENTS)  # so that the pipe ends when the conductor does
        clock = ConductorClock(runner)

        def report_ready() -> None:
            worker.clock_ahead_ns = clock.ahead_ns()
            runner.send_message(Ready.name, Ready().data())

        def come_back() -> None:
            worker.send_again()
            runner.send_message(Ready.name, Ready().data())

        gevent.spawn(report_ready)
        LINK.when_connected(come_back)


def _start_conductor(runner: Runner, job: LoadJob, content: RequestContent) -> None:
    if isinstance(runner, MasterRunner):
        hear_workers(runner)
    body_bytes = [len(body.content) for body in content.bodies]
    stream = SampleStream(job.samples, monotonic_ns(), job.targets, body_bytes)
    writer = EventWriter(EVENTS)
    conductor = StageShape.conductor = Conductor(job, content.trace, runner, stream, writer)
    breaker = StageShape.breaker = Breaker(runner, writer)
    task = TaskParts(job, content)

    def on(message: type[Message], listener: Callable[[Any], None]) -> None:
        guarded = breaker.guard(listener)
        runner.register_message(message.name, lambda msg, **_: guarded(msg))

    on(Samples, lambda msg: conductor.take(msg.node_id, Samples.read(msg.data)))
    on(
        AskTask,
        lambda msg: runner.send_message(TaskPart.name, task.answer(AskTask.read(msg.data)).data(), msg.node_id),
    )
    on(Clock, lambda msg: conductor.tell_clock(msg.node_id, Clock.read(msg.data)))
    on(Ready, lambda msg: conductor.worker_is_ready(msg.node_id))
    events.spawning_complete.add_listener(breaker.guard(lambda user_count, **_: conductor.all_started(user_count)))

    @breaker.guard
    def users_are_gone(**_: Any) -> None:
        conductor.stop()
        # Locust writes its CSV files once a second and not at the end: let it see the last second too.
        gevent.sleep(CSV_STATS_INTERVAL_SEC + 0.1)

    events.test_stop.add_listener(users_are_gone)
    # Until its stages are over Locust has no handler for SIGTERM, and would end without the last samples.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    events.quit.add_listener(lambda **_: stream.close())  # after the last users, who may have samples yet

    def every_second() -> None:
        try:
            conductor.every_second()
        except BrokenPipeError:  # whoever wanted the load is gone
            runner.quit()

    _every_second(runner, every_second)
