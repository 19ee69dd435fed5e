"""The task: what a worker on another host is told when it joins a load. It reads no file and needs no spec."""

from typing import Any

from gevent.event import Event
from locust.runners import WorkerRunner

from mmebench.errors import MmebenchError
from mmebench.load.job import LoadJob, RequestContent
from mmebench.load.messages import Task
from mmebench.load.payload.payload import Body

_PATIENCE_SECONDS = 60


def make_task(job: LoadJob, content: RequestContent) -> Task:
    """What the conductor answers."""
    return Task(
        job.model_dump_json(),
        [(body.content, body.content_type) for body in content.bodies],
        content.pool,
        content.trace,
    )


def read_task(task: Task) -> tuple[LoadJob, RequestContent]:
    """The job and the content that :func:`make_task` was given."""
    bodies = tuple(Body(content, content_type) for content, content_type in task.bodies)
    trace = [(seconds, key) for seconds, key in task.trace]
    return LoadJob.model_validate_json(task.job), RequestContent(bodies, task.pool, trace)


def ask_for_task(runner: WorkerRunner) -> tuple[LoadJob, RequestContent]:
    """Ask the conductor, once a second until it listens.

    Raises:
        MmebenchError: no answer.
    """
    answers: list[Task] = []
    answered = Event()

    def take(msg: Any, **_: Any) -> None:
        answers.append(Task.read(msg.data))
        answered.set()

    runner.register_message(Task.name, take)
    for _ in range(_PATIENCE_SECONDS):
        runner.send_message(Task.name, Task().data())
        if answered.wait(1):
            return read_task(answers[0])
    raise MmebenchError(f"the conductor of the load said nothing for {_PATIENCE_SECONDS} s")
