"""Leading a load: the process that has the conductor, and what that needs of Locust. Workers do without it."""

import signal
from time import monotonic_ns
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, Runner
from locust.stats import CSV_STATS_INTERVAL_SEC

from mmebench.load.job import LoadJob, RequestContent
from mmebench.load.messages import AskTask, Clock, Ready, Samples, TaskPart
from mmebench.load.processes.conductor import Conductor
from mmebench.load.processes.events import EventWriter
from mmebench.load.processes.every_second import every_second
from mmebench.load.processes.link import hear_workers
from mmebench.load.processes.sample_stream import SampleStream
from mmebench.load.processes.task import TaskParts
from mmebench.load.processes.visitors import admit_own_pages
from mmebench.load.processes.web_ui import open_web_ui


def lead(environment: Environment, job: LoadJob, content: RequestContent, telling: int) -> Conductor:
    """Make this process the one that leads.

    Args:
        environment: Locust's, with its runner.
        job: what to ask of which endpoint.
        content: what the requests are made of.
        telling: the descriptor that events are written to; negative for nowhere.
    """
    runner = environment.runner
    assert runner is not None, "Locust creates the runner before it fires init"
    conductor = _conduct(runner, job, content, telling)
    if job.web_port is not None:
        environment.host = job.url  # to be shown
        open_web_ui(environment, job.web_port)
    if environment.web_ui is not None:
        admit_own_pages(environment.web_ui)
    return conductor


def _conduct(runner: Runner, job: LoadJob, content: RequestContent, telling: int) -> Conductor:
    if isinstance(runner, MasterRunner):
        hear_workers(runner)
    body_bytes = [len(body.content) for body in content.bodies]
    stream = SampleStream(job.samples, monotonic_ns(), job.targets, body_bytes)
    conductor = Conductor(job, content.trace, runner, stream, EventWriter(telling))
    runner.register_message(Samples.name, lambda msg, **_: conductor.take(msg.node_id, Samples.read(msg.data)))
    task = TaskParts(job, content)
    runner.register_message(
        AskTask.name,
        lambda msg, **_: runner.send_message(
            TaskPart.name, task.answer(AskTask.read(msg.data)).data(), msg.node_id
        ),
    )
    runner.register_message(Clock.name, lambda msg, **_: conductor.tell_clock(msg.node_id, Clock.read(msg.data)))
    runner.register_message(Ready.name, lambda msg, **_: conductor.worker_is_ready(msg.node_id))
    events.spawning_complete.add_listener(lambda user_count, **_: conductor.all_started(user_count))

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
    return conductor
