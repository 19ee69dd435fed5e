"""What the processes of one load say to each other, as Locust's messages.

A load has one conductor and one or more workers; without ``--processes`` or ``--master`` both are in one process,
and Locust hands messages over without a network.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Message:
    """Sent as a mapping under its name."""

    name: ClassVar[str]

    def data(self) -> dict[str, Any]:
        """As Locust sends it."""
        return asdict(self)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """The message that was sent as ``data``."""
        return cls(**data)


@dataclass(frozen=True)
class BeginStage(Message):
    """To each worker: its share of a stage. Times are of the conductor's clock."""

    name = "mmebench_begin"

    stage: int
    start_ns: int
    rate: float | None
    seconds: float
    """How long an open loop's schedule is at most."""
    trace_from: float
    """Where in its trace an open loop goes on."""
    worker: int
    workers: int


@dataclass(frozen=True)
class EndStage(Message):
    """To each worker: a stage is over; report on its window."""

    name = "mmebench_end"

    stage: int
    ready_ns: int
    end_ns: int


@dataclass(frozen=True)
class Drain(Message):
    """To each worker: start no more requests, and say when all are answered, or that it takes longer than this."""

    name = "mmebench_drain"

    seconds: float


@dataclass(frozen=True)
class StageReport:
    """What only the worker itself knows of a window."""

    stage: int
    cpu: float
    lag_p99: float | None
    own_lag_p99: float | None
    machine_cpu: float | None
    machine_stolen: float | None
    not_started: int | None
    """Of what was due in an open loop, how many requests found no caller free before the stage was over."""


@dataclass(frozen=True)
class Samples(Message):
    """To the conductor, once a second and when something ends; kept until they are :class:`Taken`."""

    name = "mmebench_samples"

    rows: bytes
    """As :data:`mmebench.load.client.recorder.ROW`, with times of the conductor's clock."""
    errors: list[str]
    report: dict[str, Any] | None = None
    """A :class:`StageReport`, after :class:`EndStage`."""
    drained: bool = False
    complaints: list[dict[str, Any]] = field(default_factory=list)
    """What failures among these said: :class:`mmebench.record.run.FailedAlike`."""
    number: int = 0
    """Counts those of one worker, from 0; the conductor takes them in this order, and each once."""


@dataclass(frozen=True)
class Taken(Message):
    """To a worker: these samples, and all before them, need not be sent again."""

    name = "mmebench_taken"

    number: int


@dataclass(frozen=True)
class Clock(Message):
    """To the conductor and back: what its clock says, and what the worker's said when it asked."""

    name = "mmebench_clock"

    asked_ns: int
    clock_ns: int = 0


@dataclass(frozen=True)
class AskTask(Message):
    """To the conductor, from a worker of another host: which part of what there is to do comes next."""

    name = "mmebench_ask_task"

    part: int


@dataclass(frozen=True)
class TaskPart(Message):
    """To the worker that asked: some of the bytes of :mod:`mmebench.load.processes.task`."""

    name = "mmebench_task"

    part: int
    parts: int
    content: bytes


@dataclass(frozen=True)
class Ready(Message):
    """To the conductor: the worker knows its task and its clock, or has come back; it waits for a stage."""

    name = "mmebench_ready"
