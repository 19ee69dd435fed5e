"""The task: what a worker on another host is told when it joins a load. It reads no file and needs no spec.

It is bytes, job and content in MessagePack, which the worker asks for part by part: bodies may be many and large.
"""

from typing import Any

import msgpack
from gevent.queue import Empty, Queue
from locust.runners import WorkerRunner

from mmebench.errors import MmebenchError
from mmebench.load.job import LoadJob, RequestContent
from mmebench.load.messages import AskTask, TaskPart
from mmebench.load.payload.payload import Body

PART = 4 << 20
"""Bytes in a message."""
_PATIENCE_SECONDS = 60


class TaskParts:
    """What the conductor answers. It is packed when the first worker asks."""

    def __init__(self, job: LoadJob, content: RequestContent) -> None:
        self._job = job
        self._content = content
        self._packed = b""

    def answer(self, question: AskTask) -> TaskPart:
        """The part that was asked for."""
        if not self._packed:
            self._packed = pack(self._job, self._content)
        start = question.part * PART
        parts = -(-len(self._packed) // PART)
        return TaskPart(question.part, parts, self._packed[start : start + PART])


def pack(job: LoadJob, content: RequestContent) -> bytes:
    """Files of the conductor's host are sent, not named; profiles of other hosts are theirs."""
    job = job.model_copy(update={"profile": None})
    bodies = [(body.content, body.content_type) for body in content.bodies]
    packed: bytes = msgpack.packb((job.model_dump_json(), bodies, content.pools, content.trace))
    return packed


def unpack(packed: bytes) -> tuple[LoadJob, RequestContent]:
    """The job and the content that :func:`pack` was given."""
    job, bodies, pools, trace = msgpack.unpackb(packed)
    content = RequestContent(
        tuple(Body(content, content_type) for content, content_type in bodies),
        tuple(pools),
        [(seconds, key) for seconds, key in trace],
    )
    return LoadJob.model_validate_json(job), content


def ask_for_task(runner: WorkerRunner) -> tuple[LoadJob, RequestContent]:
    """Ask the conductor, for each part once a second until it answers.

    Raises:
        MmebenchError: no answer.
    """
    answers: Queue[TaskPart] = Queue()

    def take(msg: Any, **_: Any) -> None:
        answers.put(TaskPart.read(msg.data))

    runner.register_message(TaskPart.name, take)
    packed, parts = bytearray(), 1
    number = 0
    while number < parts:
        for _ in range(_PATIENCE_SECONDS):
            runner.send_message(AskTask.name, AskTask(number).data())
            try:
                answer = answers.get(timeout=1)
            except Empty:
                continue
            if answer.part == number:
                break
        else:
            raise MmebenchError(f"the conductor of the load said nothing for {_PATIENCE_SECONDS} s")
        packed += answer.content
        number, parts = number + 1, answer.parts
    return unpack(bytes(packed))
