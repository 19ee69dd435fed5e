"""Leading a load: the process that has the conductor, and what that needs of Locust. Workers do without it."""

import signal
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, Runner
from locust.stats import CSV_STATS_INTERVAL_SEC

from mmebench.load.job import LoadJob, RequestContent
from mmebench.load.locust_pages import LOCUST_PAGES
from mmebench.load.messages import AskTask, Clock, Message, Ready, Samples, TaskPart
from mmebench.load.processes.breaker import Breaker
from mmebench.load.processes.conductor import Conductor
from mmebench.load.processes.events import EventWriter
from mmebench.load.processes.every_second import every_second
from mmebench.load.processes.link import hear_workers
from mmebench.load.processes.sample_stream import SampleStream
from mmebench.load.processes.task import TaskParts
from mmebench.load.processes.visitors import admit_own_pages

Step = Callable[[], tuple[int, float] | None]
"""What Locust's shape asks once a second: users, and how many start a second; None at the end."""


def lead(environment: Environment, job: LoadJob, content: RequestContent, telling: int) -> Step:
    """Make this process the one that leads; returns what its shape is.

    Args:
        environment: Locust's, with its runner.
        job: what to ask of which endpoint.
        content: what the requests are made of.
        telling: the descriptor that events are written to; negative for nowhere.
    """
    runner = environment.runner
    assert runner is not None, "Locust creates the runner before it fires init"
    step = _conduct(runner, job, content, telling)
    if job.pages is not None:
        environment.host = job.url  # to be shown
        environment.create_web_ui("127.0.0.1", job.pages.port, web_base_path=LOCUST_PAGES)
    if environment.web_ui is not None:
        admit_own_pages(environment.web_ui, None if job.pages is None else job.pages.key)
    return step


def _conduct(runner: Runner, job: LoadJob, content: RequestContent, telling: int) -> Step:
    if isinstance(runner, MasterRunner):
        hear_workers(runner)
    body_bytes = [len(body.content) for body in content.bodies]
    stream = SampleStream(job.samples, monotonic_ns(), job.targets, body_bytes)
    writer = EventWriter(telling)
    conductor = Conductor(job, content.trace, runner, stream, writer)
    breaker = Breaker(runner, writer)
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

    def tell() -> None:
        try:
            conductor.every_second()
        except BrokenPipeError:  # whoever wanted the load is gone
            runner.quit()

    every_second(runner, tell)
    return breaker.guard(conductor.tick)
